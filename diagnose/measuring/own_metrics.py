"""The metrics that the model was compiled with, on rows that were predicted already."""

from typing import Any

import numpy as np

from diagnose.measuring.bench import Structure
from diagnose.measuring.state import same_names
from diagnose.subject import Rows

AT_ONCE = 4_096  # rows

Metrics = tuple[dict[str, float], ...]


def own_metrics(model: Any, targets: Structure, predicted: tuple[Rows, ...], weights: Rows | None) -> Metrics:
    """The user's compiled metrics of each output, by name, over these rows; copies are used, for metrics keep state.

    Empty where there are none, and where they cannot be copied or refuse the rows: what a third-party metric raises is
    no reason to lose the rest.

    Args:
        model: compiled; its own metrics are only read.
        targets: in the structure that the model's loss takes.
        predicted: one array for each output.
        weights: of the rows.
    """
    nothing: Metrics = tuple({} for _ in predicted)
    compiled = getattr(model, "_compile_metrics", None)
    if compiled is None:
        return nothing
    try:
        with same_names():
            return _computed(compiled, model, targets, predicted, weights)
    except Exception:  # noqa: BLE001 - see above
        return nothing


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
    """What `compile` was given as metrics and as weighted metrics."""
    return compiled._user_metrics, compiled._user_weighted_metrics


def _copy(metric: Any) -> Any:
    import keras

    return type(metric).from_config(metric.get_config()) if isinstance(metric, keras.metrics.Metric) else metric


def _each(metrics: Any) -> list[Any]:
    return [] if metrics is None else [metric for metric in metrics.metrics if metric is not None]


def _values(metrics: list[Any]) -> dict[str, float]:
    """By name; those that give several numbers are left out."""
    import keras

    values = {metric.name: np.asarray(keras.ops.convert_to_numpy(metric.result())) for metric in metrics}
    return {name: float(value) for name, value in values.items() if value.ndim == 0}
