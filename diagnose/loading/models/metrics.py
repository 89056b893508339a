"""The metrics that a model file was compiled with."""

from collections.abc import Mapping, Sequence
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.models.files import ModelFile
from diagnose.loading.models.losses import per_output
from diagnose.loading.models.safety import check_config

KINDS = ("metrics", "weighted_metrics")
_SHORT = {"accuracy", "acc", "crossentropy", "ce"}  # `compile` chooses the class by the output


def file_metrics(
    file: ModelFile, names: Sequence[str], custom: Mapping[str, Any], *, trust: bool
) -> tuple[dict[str, list[list[Any]]], tuple[str, ...]]:
    """The `metrics` and `weighted_metrics` of each output, and a note on those that are left out.

    One that is not part of Keras is left out, for nothing rests on it.

    Args:
        file: its `training` may hold both, as `model.compile` took them.
        names: of the outputs.
        custom: the user's own objects by name.
        trust: allow the code inside the file.
    """
    left_out: set[str] = set()

    def made(spec: Any) -> list[Any]:
        try:
            return [_metric(file, spec, custom, trust)]
        except (InputError, ValueError, TypeError, KeyError, AttributeError):
            left_out.add(_name(spec))
            return []

    found = {
        kind: [[metric for spec in own for metric in made(spec)] for own in _by_output(file.training.get(kind), names)]
        for kind in KINDS
    }
    some = ", ".join(sorted(left_out))
    return found, (f"the metrics {some} are not part of Keras and were left out",) if some else ()


def _by_output(given: Any, names: Sequence[str]) -> list[list[Any]]:
    """`compile` takes one list for every output, a list of lists, or a dict by output; any list may be one metric."""
    if isinstance(given, list) and (len(names) == 1 or len(given) != len(names)):
        given = given[0] if len(given) == 1 and isinstance(given[0], list) else given
        each: list[Any] = [given] * len(names)
    else:
        each = per_output(given, names)
    return [[one for one in (own if isinstance(own, list) else [own]) if one is not None] for own in each]


def _metric(file: ModelFile, spec: Any, custom: Mapping[str, Any], trust: bool) -> Any:
    import keras

    check_config(file.path, spec, custom, trust=trust)
    name = _name(spec)
    if name in _SHORT:
        return name
    if name in custom:
        return keras.metrics.get(custom[name])
    return keras.metrics.get(name if isinstance(spec, dict) and spec["class_name"] == "function" else spec)


def _name(spec: Any) -> str:
    """Functions may be written as {"class_name": "function", "config": name}."""
    if isinstance(spec, dict):
        spec = spec.get("config") if spec.get("class_name") == "function" else spec.get("class_name")
    return str(spec)
