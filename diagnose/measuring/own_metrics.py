"""Computes the user's compiled metrics from predictions."""

from typing import Any

import numpy as np

from diagnose.measuring.bench import Structure
from diagnose.measuring.state import same_names
from diagnose.subject import Rows

AT_ONCE = 4_096  # rows

Metrics = tuple[dict[str, float], ...]


def own_metrics(model: Any, targets: Structure, predicted: tuple[Rows, ...], weights: Rows | None) -> Metrics:
    """Return the user's compiled metrics of each output, by name, over these rows.

    Empty if there are none, or if a metric cannot be copied or fails. Copies are used, as metrics have state.

    Args:
        model: compiled model; its own metrics do not change.
        targets: targets in the structure of the model's loss.
        predicted: one array per output.
        weights: sample weights.
    """
    none: Metrics = tuple({} for _ in predicted)
    compiled = getattr(model, "_compile_metrics", None)
    if compiled is None:
        return none
    try:
        with same_names():
            return _computed(compiled, model, targets, predicted, weights)
    except Exception:  # noqa: BLE001 - a custom metric may raise anything
        return none


def _computed(compiled: Any, model: Any, targets: Structure, predicted: tuple[Rows, ...], weights: Any) -> Metrics:
    import keras

    plain, weighted = (keras.tree.map_structure(_copy, own) for own in _declared(compiled))
    copies = type(compiled)(plain, weighted, output_names=getattr(model, "output_names", None))
    structure = getattr(model, "_outputs_struct", None)
    rows = len(predicted[0])
    for start in range(0, rows, AT_ONCE):
        some = slice(start, start + AT_ONCE)
        given = [part[some] for part in predicted]
        answers = given[0] if len(given) == 1 and structure is None else keras.tree.pack_sequence_as(structure, given)
        truth = keras.tree.map_structure(lambda part, some=some: part[some], targets)
        copies.update_state(truth, answers, sample_weight=None if weights is None else weights[some])
    each = zip(copies._flat_metrics, copies._flat_weighted_metrics, strict=True)
    return tuple(_values([*_each(plain), *_each(weighted)]) for plain, weighted in each)


def _declared(compiled: Any) -> tuple[Any, Any]:
    """The arguments metrics and weighted_metrics of `compile`."""
    return compiled._user_metrics, compiled._user_weighted_metrics


def _copy(metric: Any) -> Any:
    import keras

    return type(metric).from_config(metric.get_config()) if isinstance(metric, keras.metrics.Metric) else metric


def _each(metrics: Any) -> list[Any]:
    return [] if metrics is None else [metric for metric in metrics.metrics if metric is not None]


def _values(metrics: list[Any]) -> dict[str, float]:
    """Results by name, without metrics that are not scalar."""
    import keras

    values = {metric.name: np.asarray(keras.ops.convert_to_numpy(metric.result())) for metric in metrics}
    return {name: float(value) for name, value in values.items() if value.ndim == 0}
