"""One thing changed: what a sick model's training is tried with, each with the cause that it would confirm."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measuring import copying
from diagnose.measuring.bench import Bench
from diagnose.subject import Output, Rows, Split, Task

SATURATING = frozenset({"sigmoid", "tanh", "hard_sigmoid", "softsign", "softmax", "exponential"})
ADAPTIVE = frozenset({"adam", "adamw", "nadam", "adamax", "lion", "rmsprop"})
DEEP = 6  # hidden weighted layers from which fewer are tried
SHALLOW = 2  # hidden weighted layers that are left then
UNSCALED = (0.1, 3.0)  # healthy standard deviations; outside, or centred further off than the second, is unscaled
HEADS = {
    Task.BINARY: ("sigmoid", "binary_crossentropy"),
    Task.MULTICLASS: ("softmax", "sparse_categorical_crossentropy"),
    Task.MULTILABEL: ("sigmoid", "binary_crossentropy"),
    Task.REGRESSION: ("linear", "mean_squared_error"),
}


@dataclass(frozen=True)
class Variant:
    """The subject with one thing changed; what is not given stays as the user has it.

    `code` is the cause that is confirmed where this alone restores learning. `layer` gives the layer that takes
    another's place, `finish` works on the built copy, `data` changes a split's rows.
    """

    code: str
    what: str
    layer: copying.Replacement | None = None
    finish: Callable[[Any], None] = lambda model: None
    data: Callable[[Split], Split] = lambda split: split
    optimizer: Callable[[], Any] | None = None
    loss: Any = None
    output: Output | None = None


def variants(bench: Bench) -> tuple[Variant, ...]:
    """Return every change that applies to the subject; learning rates are not among them (the sweep has those)."""
    makers = (
        _scaled_inputs,
        _scaled_targets,
        _standard_head,
        _relu,
        _initialisation,
        _non_linear,
        _shallow,
        _adam,
        _without_dropout,
        _without_penalties,
        _unfrozen,
    )
    return tuple(variant for make in makers for variant in make(bench))


# --- Data ------------------------------------------------------------------------------------------


def _scaled_inputs(bench: Bench) -> Iterator[Variant]:
    train, _ = bench.holdout()
    scales = [
        _scale(rows) if copying.takes_numbers(bench.subject.model, i) else None for i, rows in enumerate(train.inputs)
    ]
    if any(scale is not None and _unscaled(*scale) for scale in scales):

        def scaled(split: Split) -> Split:
            inputs = tuple(_standardised(rows, scale) for rows, scale in zip(split.inputs, scales, strict=True))
            return replace(split, inputs=inputs)

        yield Variant("inputs-not-scaled", "inputs standardised", data=scaled)


def _scaled_targets(bench: Bench) -> Iterator[Variant]:
    train, _ = bench.holdout()
    tasks = [output.task for output in bench.subject.outputs]
    scales = [_scale(y) if task is Task.REGRESSION else None for y, task in zip(train.targets, tasks, strict=True)]
    if any(scale is not None and _unscaled(*scale) for scale in scales):

        def scaled(split: Split) -> Split:
            targets = tuple(_standardised(y, scale) for y, scale in zip(split.targets, scales, strict=True))
            return replace(split, targets=targets)

        yield Variant("targets-not-scaled", "targets standardised", data=scaled)


Scale = tuple[NDArray[np.float64], NDArray[np.float64]]  # mean and standard deviation per feature or channel


def _scale(rows: Rows) -> Scale | None:
    if not (np.issubdtype(rows.dtype, np.number) or rows.dtype == bool):
        return None
    axes = 0 if rows.ndim <= 2 else tuple(range(rows.ndim - 1))
    values = np.asarray(rows, np.float64)
    std = values.std(axis=axes)
    return values.mean(axis=axes), np.where(std > 0, std, 1.0)


def _unscaled(mean: NDArray[np.float64], std: NDArray[np.float64]) -> bool:
    low, high = UNSCALED
    return bool(np.any(std > high) or np.any(np.abs(mean) > high) or np.max(std) < low)


def _standardised(rows: Rows, scale: Scale | None) -> Rows:
    return rows if scale is None else ((rows - scale[0]) / scale[1]).astype(np.float32)


# --- Head and loss -----------------------------------------------------------------------------------


def _standard_head(bench: Bench) -> Iterator[Variant]:
    """Units, activation and loss as the task wants them, where the model has one output from one Dense layer."""
    import keras

    model, output = bench.subject.model, bench.subject.outputs[0]
    head = _head(model)
    if len(bench.subject.outputs) > 1 or head is None or output.custom_loss:
        return
    activation, loss = HEADS[output.task]
    units = _units(output, bench.subject.train)
    code = _head_fault(output, head, units, activation, loss)
    if units is None or code is None:
        return

    def standard(layer: Any) -> Any:
        if layer is not head:
            return None
        config = {**layer.get_config(), "units": units, "activation": activation}
        return keras.layers.Dense.from_config(config)

    def sparse(split: Split) -> Split:
        y = split.targets[0]
        labels = y.argmax(axis=-1) if output.task is Task.MULTICLASS and y.ndim > 1 and y.shape[-1] > 1 else y
        return replace(split, targets=(labels,))

    yield Variant(
        code,
        f"{units} {activation} unit{'s' * (units > 1)} and {loss}",
        layer=standard,
        data=sparse,
        loss=loss,
        output=replace(output, loss=loss, from_logits=False),
    )


def _head(model: Any) -> Any:
    """The Dense layer that is the only thing an output comes from, None where something follows it."""
    import keras

    last = model.layers[-1] if model.layers else None
    outputs = getattr(model, "outputs", None) or []
    alone = len(outputs) == 1 and last is not None and any(last.output is tensor for tensor in outputs)
    return last if alone and isinstance(last, keras.layers.Dense) else None


def _units(output: Output, train: Split) -> int | None:
    columns = int(np.prod(train.targets[0].shape[1:]))
    if output.task is Task.BINARY:
        return 1 if columns == 1 else None
    return output.classes if output.task is Task.MULTICLASS else columns


def _head_fault(output: Output, head: Any, units: int | None, activation: str, loss: str) -> str | None:
    """The cause that the standard head would confirm, None where the user's is one of the standard ones."""
    own = getattr(head.activation, "__name__", "")
    if head.units != units and not (output.task is Task.BINARY and head.units == 2):
        return "single-unit-softmax" if head.units == 1 and own == "softmax" else "wrong-output-units"
    if own == "softmax" and output.task is Task.MULTILABEL:
        return "softmax-on-multilabel"
    expected = "linear" if output.from_logits else activation
    if own != expected and output.task.classifies:
        return "logits-mismatch" if "linear" in (own, expected) else "output-range-mismatch"
    if own != expected:
        return "output-range-mismatch"
    log_loss = "crossentropy" in output.loss
    return "wrong-loss" if log_loss is not output.task.classifies and output.loss != loss else None


# --- Layers ------------------------------------------------------------------------------------------


def _relu(bench: Bench) -> Iterator[Variant]:
    head = _head(bench.subject.model)
    hidden = [layer for layer in bench.subject.model._flatten_layers() if layer is not head]
    if not any(_activation(layer) in SATURATING and _mixes(layer) for layer in hidden):
        return

    def relu(layer: Any) -> Any:
        if layer is head or not _mixes(layer) or _activation(layer) not in SATURATING:
            return None
        return _edited(layer, activation="relu", kernel_initializer="he_normal")

    yield Variant("unsuitable-activation", "ReLU and He initialisation in hidden layers", layer=relu)


def _initialisation(bench: Bench) -> Iterator[Variant]:
    head = _head(bench.subject.model)

    def he(layer: Any) -> Any:
        return _edited(layer, kernel_initializer="he_normal", bias_initializer="zeros") if _mixes(layer) else None

    def unusual(layer: Any) -> bool:
        name = type(layer.kernel_initializer).__name__
        return not name.startswith(("He", "Glorot", "Lecun", "VarianceScaling"))

    if any(_mixes(layer) and unusual(layer) for layer in (*bench.subject.model._flatten_layers(), head) if layer):
        yield Variant("bad-initialization", "He initialisation", layer=he)


def _non_linear(bench: Bench) -> Iterator[Variant]:
    head = _head(bench.subject.model)
    layers = list(bench.subject.model._flatten_layers(include_self=False))
    hidden = [layer for layer in layers if _mixes(layer) and layer is not head]
    if (
        head is None
        or not hidden
        or any(_activation(layer) not in (None, "linear") for layer in layers if layer is not head)
    ):
        return

    def bend(layer: Any) -> Any:
        return _edited(layer, activation="relu") if any(layer is other for other in hidden) else None

    yield Variant("missing-nonlinearity", "ReLU in hidden layers", layer=bend)


def _shallow(bench: Bench) -> Iterator[Variant]:
    """Leave out hidden layers that keep the shape, where a plain net has many."""
    import keras

    model, head = bench.subject.model, _head(bench.subject.model)
    hidden = [layer for layer in model._flatten_layers() if _mixes(layer) and layer is not head]
    if head is None or len(hidden) < DEEP or not isinstance(model, keras.Sequential):
        return
    surplus = [layer for layer in hidden[SHALLOW:] if layer.input.shape == layer.output.shape]

    def skip(layer: Any) -> Any:
        return keras.layers.Identity(name=layer.name) if any(layer is other for other in surplus) else None

    if surplus:
        yield Variant(
            "too-deep-plain", f"{len(hidden) - len(surplus)} hidden layers instead of {len(hidden)}", layer=skip
        )


def _without_dropout(bench: Bench) -> Iterator[Variant]:
    if any(
        isinstance(getattr(layer, "rate", None), float) and layer.rate > 0
        for layer in bench.subject.model._flatten_layers()
    ):

        def finish(model: Any) -> None:
            copying.calm(model, penalties=False)

        yield Variant("dropout-too-high", "without dropout", finish=finish)


def _without_penalties(bench: Bench) -> Iterator[Variant]:
    if bench.subject.model.losses:

        def finish(model: Any) -> None:
            copying.calm(model, dropout=False)

        yield Variant("over-regularized", "without penalties", finish=finish)


def _unfrozen(bench: Bench) -> Iterator[Variant]:
    if bench.pretrained and not bench.fine_tuned:

        def finish(model: Any) -> None:
            model.trainable = True

        yield Variant("frozen-layers", "every layer trainable", finish=finish)


def _mixes(layer: Any) -> bool:
    """Whether it is a Dense layer or a convolution: a kernel that mixes features, an activation, an initializer."""
    return hasattr(layer, "kernel_initializer") and hasattr(layer, "activation") and not hasattr(layer, "cell")


def _activation(layer: Any) -> str | None:
    if not hasattr(layer, "activation"):
        return "relu" if type(layer).__name__ in {"ReLU", "LeakyReLU", "PReLU", "ELU"} else None
    return getattr(layer.activation, "__name__", type(layer.activation).__name__.lower())


def _edited(layer: Any, **changes: Any) -> Any:
    config = layer.get_config()
    return type(layer).from_config({**config, **{key: value for key, value in changes.items() if key in config}})


# --- Optimizer ---------------------------------------------------------------------------------------


def _adam(bench: Bench) -> Iterator[Variant]:
    import keras

    if type(bench.subject.model.optimizer).__name__.lower() not in ADAPTIVE:
        yield Variant("poor-optimizer-settings", "Adam", optimizer=lambda: keras.optimizers.Adam(1e-3))
