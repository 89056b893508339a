"""Describes the model as built and loaded: layers, heads, and weights."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import Head, Layer, Measurements, Network, NotMeasured, Unavailable
from diagnose.measuring import backend, copying
from diagnose.measuring.bench import Bench
from diagnose.measuring.naming import activation_name, initializer_text, snake_case
from diagnose.measuring.walking import Part, Walk, is_container, kernels, part_weights, walk
from diagnose.subject import Output

NORMALISES = frozenset(
    {"BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization"}
    | {"Normalization", "Rescaling", "SpectralNormalization"}
)
RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"})
DROPOUTS = frozenset(
    {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout"}
)
LOOKUPS = frozenset({"TextVectorization", "StringLookup", "IntegerLookup"})
PASSES = DROPOUTS | {"Reshape", "Flatten", "Permute", "Identity", "ActivityRegularization", "GaussianNoise", "Masking"}
ACTIVATES = frozenset({"Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"})
INITIALIZERS = ("kernel_initializer", "depthwise_initializer", "embeddings_initializer")
REGULARIZERS = ("kernel", "bias", "recurrent", "activity", "depthwise", "pointwise", "embeddings", "beta", "gamma")
COMPARED_KERNELS = (100, 2_000_000)  # fewest and most weights of a kernel that is compared with its initializer
COMPARED_WEIGHTS = 5_000  # most weights of it that are compared
LARGER = 1.05  # times the largest drawn weight: a uniform initializer draws none beyond its limit
TWIN_COSINE = 0.9999
TWIN_NEIGHBOURS = 4
TWIN_INPUTS = 3  # with fewer inputs per unit, columns are often parallel by chance
LONGEST_COLUMN = 4096  # most weights of a unit that are compared


def network(bench: Bench, measured: Measurements) -> Network | Unavailable:
    """Describe the user's model as loaded. Only models without a graph are run, on two rows, to get the call order.

    `Layer.output_shape` has the row axis (None); `Head.shape` and `Head.target_shape` do not. For paths
    ("encoder/dense_1") see `diagnose.measuring.walking`.
    """
    model, subject = bench.subject.model, bench.subject
    need_layers(model)
    walked, shapes, ends = describe(bench)
    pretrained = _pretrained(model)
    layers = tuple(_layer(part, shapes.get(part.path), pretrained) for part in walked.parts)
    training = subject.training
    optimizer = getattr(model, "optimizer", None)
    return Network(
        layers=layers,
        heads=tuple(
            _head(output, walked, end, shape, target.shape[1:])
            for output, end, shape, target in zip(
                subject.outputs, ends, _output_shapes(bench), subject.train.targets, strict=True
            )
        ),
        parameters=sum(int(np.prod(weight.shape)) for weight in model.weights),
        trainable_parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_variables),
        graph_known=walked.graph_known,
        skips=walked.merges,
        non_finite=_non_finite(model),
        penalty=penalty(model),
        optimizer=training.optimizer or (snake_case(type(optimizer).__name__) if optimizer is not None else None),
        learning_rate=training.learning_rate,
        settings=dict(training.settings),
        batch_size=training.batch_size,
        epochs=training.epochs,
        iterations=training.iterations,
        backend=_backend(),
        trained=subject.trained,
        loss_scaled=_scales_loss(optimizer),
        operations=walked.operations,
    )


def need_layers(model: Any) -> None:
    """Require that the layers are accessible; in a SavedModel that runs as one layer they are not.

    Raises:
        NotMeasured: the model is such a SavedModel.
    """
    if {part.kind for part in walk(model).parts} == {"InputLayer", "TFSMLayer"}:
        raise NotMeasured(
            "the model is a SavedModel that runs as one layer: its inner layers are not accessible",
            "Save the model as a .keras file, and pass that file.",
        )


def describe(bench: Bench) -> tuple[Walk, dict[str, tuple[int | None, ...]], list[str | None]]:
    """Return the walk of the user's model, output shapes by path, and the path of the part that gives each output."""
    if "walk" not in bench.cache:
        walked = walk(bench.subject.model)
        if walked.graph_known:
            ends = [end[-1] if len(end) == 1 else None for end in walked.ends]
            bench.cache["walk"] = walked, {part.path: _static_shape(part) for part in walked.parts}, ends
        else:
            bench.cache["walk"] = _called(bench, walked)
    result: tuple[Walk, dict[str, tuple[int | None, ...]], list[str | None]] = bench.cache["walk"]
    return result


def walk_like(bench: Bench, model: Any) -> Walk:
    """Return the walk of a working copy, with the paths of the user's model; sublayers may have new names in a copy."""
    walked, own = walk(model), walk(bench.subject.model)
    if [part.kind for part in walked.parts] != [part.kind for part in own.parts]:
        return walked
    paths = {copy.path: part.path for copy, part in zip(walked.parts, own.parts, strict=True)}
    parts = (
        replace(part, path=paths[part.path], inbound=tuple(paths[source] for source in part.inbound))
        for part in walked.parts
    )
    ends = tuple(tuple(paths[path] for path in end) for end in walked.ends)
    return replace(walked, parts=tuple(parts), ends=ends)


def activation_of_head(bench: Bench, number: int) -> str | None:
    """Return the activation of an output; None if unknown."""
    walked, _, ends = describe(bench)
    return _resolved(walked, ends[number])[1]


def _scales_loss(optimizer: Any) -> bool:
    """Whether the optimizer multiplies the loss by a constant or a dynamic scale."""
    return hasattr(optimizer, "inner_optimizer") or bool(getattr(optimizer, "loss_scale_factor", None))


# --- Layers -----------------------------------------------------------------------------------------


def _layer(part: Part, shape: tuple[int | None, ...] | None, pretrained: frozenset[int]) -> Layer:
    layer, inner = part.layer, part.inner
    weights, mixing = part_weights(part), kernels(part)
    kernel = np.asarray(backend.array(mixing[0]), np.float64) if mixing else None
    rate = getattr(inner, "rate", None) if type(inner).__name__ in DROPOUTS else None
    return Layer(
        path=part.path,
        kind=part.kind,
        activation=None if is_container(layer) else activation_name(inner),
        units=shape[-1] if shape else None,
        output_shape=shape,
        parameters=sum(int(np.prod(weight.shape)) for weight in weights),
        trainable=bool(layer.trainable) and (not weights or any(weight.trainable for weight in weights)),
        weighted=bool(mixing),
        normalises=type(inner).__name__ in NORMALISES,
        recurrent=not RECURRENT.isdisjoint(re.split(r"[()]", part.kind)),
        use_bias=getattr(inner, "use_bias", None),
        initializer=next((initializer_text(getattr(inner, n)) for n in INITIALIZERS if hasattr(inner, n)), None),
        regularized=_regularized(layer) or _regularized(inner),
        dropout=None if rate is None else float(rate),
        fan_in=fan_in(inner, mixing[0]) if mixing else None,
        kernel_std=None if kernel is None else float(kernel.std()),
        kernel_max=None if kernel is None else max(_largest(weight) for weight in mixing),
        twin_units=None if kernel is None else twin_share(_columns(inner, kernel)),
        pretrained=bool(weights) and all(id(weight) in pretrained for weight in weights),
        as_drawn=None if kernel is None or layer.trainable else as_drawn(inner, kernel),
        vocabulary=_vocabulary(inner),
        inbound=part.inbound,
        dtype=str(inner.variable_dtype),
        compute_dtype=str(inner.compute_dtype),
        **_window(inner),
    )


def _vocabulary(layer: Any) -> int | None:
    """The entries of a lookup layer without those for padding and unknown words; None for other layers."""
    if type(layer).__name__ not in LOOKUPS:
        return None
    try:
        return len(layer.get_vocabulary(include_special_tokens=False))
    except (RuntimeError, ValueError):  # an unbuilt table has none
        return 0


def as_drawn(layer: Any, kernel: NDArray[np.float64]) -> bool | None:
    """Return whether a kernel looks as the layer's initializer draws it: no larger, and of the same distribution.

    The distributions are compared by a Kolmogorov-Smirnov test at 5 %, so that one in twenty untrained kernels is
    missed. None if the initializer is unknown or not random, or if there are too few weights, or very many.
    """
    from scipy import stats

    initializer: Any = next((getattr(layer, name) for name in INITIALIZERS if hasattr(layer, name)), None)
    few, many = COMPARED_KERNELS
    if not few <= kernel.size <= many or not hasattr(initializer, "get_config") or not np.isfinite(kernel).all():
        return None
    config = initializer.get_config()
    if "seed" not in config:
        return None
    drawn = backend.array(type(initializer).from_config({**config, "seed": 0})(kernel.shape)).ravel()
    if np.abs(kernel).max() > np.abs(drawn).max() * LARGER and "normal" not in type(initializer).__name__.lower():
        return False
    generator = np.random.default_rng(0)
    ours, theirs = (
        generator.choice(values, min(len(values), COMPARED_WEIGHTS), replace=False)
        for values in (kernel.ravel(), drawn)
    )
    return bool(stats.ks_2samp(ours, theirs).pvalue > 0.05)


def _window(layer: Any) -> dict[str, tuple[int, ...]]:
    """Kernel size, strides and dilation of convolution, pooling and upsampling layers."""
    if type(layer).__name__.startswith("UpSampling"):
        return {"kernel_size": _sizes(layer.size), "strides": _sizes(layer.size)}
    if not hasattr(layer, "strides"):
        return {}
    names = {"kernel_size": ("kernel_size", "pool_size"), "strides": ("strides",), "dilation": ("dilation_rate",)}
    found = {field: next((getattr(layer, n) for n in own if hasattr(layer, n)), ()) for field, own in names.items()}
    return {field: _sizes(value) for field, value in found.items()}


def _sizes(value: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in value) if isinstance(value, tuple | list) else (int(value),)


def fan_in(layer: Any, kernel: Any) -> int:
    """Return the number of inputs of one unit."""
    shape = tuple(int(size) for size in kernel.shape)
    if kernel.name == "depthwise_kernel":
        return int(np.prod(shape[:-2]))
    if hasattr(layer, "equation"):  # EinsumDense: the kernel axes that are summed over
        inside, outside = layer.equation.split("->")
        letters = inside.split(",")[1]
        return int(np.prod([size for letter, size in zip(letters, shape, strict=True) if letter not in outside]))
    if type(layer).__name__ == "MultiHeadAttention":
        return shape[0]
    if "Transpose" in type(layer).__name__:
        return int(np.prod(shape[:-2])) * shape[-1]
    return int(np.prod(shape[:-1]))


def twin_share(columns: NDArray[np.float64]) -> float | None:
    """Return the share of columns (units) parallel to another one; None for fewer than two units or three inputs.

    Normalised columns are sorted by their projection on one direction, so that twins are neighbours.
    """
    inputs, units = columns.shape
    if units < 2 or inputs < TWIN_INPUTS or not np.isfinite(columns).all():
        return None
    generator = np.random.default_rng(0)
    if inputs > LONGEST_COLUMN:
        columns = columns[np.sort(generator.permutation(inputs)[:LONGEST_COLUMN])]
    lengths = np.linalg.norm(columns, axis=0)
    unit = columns / np.where(lengths > 0, lengths, 1.0)
    unit = unit[:, np.argsort(generator.normal(size=len(unit)) @ unit, kind="stable")]
    zero = np.asarray(~unit.any(axis=0))
    twin = np.zeros(units, bool)
    for step in range(1, min(TWIN_NEIGHBOURS, units - 1) + 1):
        alike = (unit[:, step:] * unit[:, :-step]).sum(axis=0) > TWIN_COSINE
        alike |= zero[step:] & zero[:-step]
        twin[step:] |= alike
        twin[:-step] |= alike
    return float(twin.mean())


def _columns(layer: Any, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    if "Transpose" in type(layer).__name__:
        kernel = np.moveaxis(kernel, -2, -1)
    return kernel.reshape(-1, kernel.shape[-1])


def _regularized(layer: Any) -> bool:
    return any(getattr(layer, f"{name}_regularizer", None) is not None for name in REGULARIZERS)


def _pretrained(model: Any) -> frozenset[int]:
    """The weights that fresh weights do not replace, except those of adapted preprocessing layers."""
    preserved, _ = copying.preserved_weights(model)
    adapted = {id(w) for layer in model._flatten_layers() if hasattr(layer, "adapt") for w in layer.weights}
    return frozenset(id(model.weights[place]) for place in preserved) - adapted


# --- Heads ------------------------------------------------------------------------------------------


def _head(
    output: Output, walked: Walk, end: str | None, shape: tuple[int | None, ...], target_shape: tuple[int, ...]
) -> Head:
    layer, activation = _resolved(walked, end)
    part = walked.at(layer) if layer else None
    return Head(
        output=output,
        layer=layer or "",
        activation=activation,
        units=shape[-1] or 1 if shape else 1,
        shape=shape,
        target_shape=tuple(target_shape),
        use_bias=None if part is None else getattr(part.inner, "use_bias", None),
    )


def _resolved(walked: Walk, end: str | None) -> tuple[str | None, str | None]:
    """Return the path of the head layer of an output, and the activation of the output.

    The search goes back through reshaping, dropout and activation layers, up to any other layer (weighted, merging,
    scaling, custom).
    """
    activation: str | None = None
    while end is not None and (part := walked.at(end)) is not None:
        found = activation_name(part.inner)
        activation = found if activation in (None, "linear") and found else activation
        skipped = part.kind in PASSES | ACTIVATES and len(part.inbound) == 1
        if not skipped:
            return end, activation
        end = part.inbound[0]
    return end, activation


def _output_shapes(bench: Bench) -> list[tuple[int | None, ...]]:
    """Shapes of the outputs without the row axis."""
    import keras

    model = bench.subject.model
    if hasattr(model, "outputs") and model.outputs:
        return [tuple(tensor.shape[1:]) for tensor in keras.tree.flatten(model.outputs)]
    if bench.subject.opaque:
        return [()] * len(bench.subject.outputs)
    inputs, _, _ = bench.batch(bench.subject.train, np.arange(min(2, bench.subject.train.rows)))
    with keras.StatelessScope():
        return [tuple(tensor.shape[1:]) for tensor in keras.tree.flatten(model(inputs))]


# --- Models without a graph -------------------------------------------------------------------------


def _called(bench: Bench, walked: Walk) -> tuple[Walk, dict[str, tuple[int | None, ...]], list[str | None]]:
    """Run two rows to get the call order, output shapes, and the part that gives each output.

    If the model cannot be called on its rows, the order is that in which the layers were attached.
    """
    import keras

    from diagnose.measuring.probe import call, capturing

    if bench.subject.opaque:
        parts = [part for part in walked.parts if part.kind != "InputLayer"]
        shapes = {part.path: shape for part in parts if (shape := _static_shape(part)) is not None}
        return replace(walked, parts=tuple(parts)), shapes, [None] * len(bench.subject.outputs)
    called: dict[str, tuple[int | None, ...]] = {}
    givers: dict[int, str] = {}
    alive: list[Any] = []  # keeps ids of tensors unique

    def see(part: Part, _: Any, tensors: list[Any]) -> None:
        called.setdefault(part.path, (None, *tensors[0].shape[1:]))
        alive.extend(tensors)
        givers.update({id(tensor): part.path for tensor in tensors})

    inputs, _, _ = bench.batch(bench.subject.train, np.arange(min(2, bench.subject.train.rows)))
    model = bench.subject.model
    with keras.StatelessScope(), capturing(walked.parts, see):
        outputs = keras.tree.flatten(call(model, inputs, training=False))
    order = {path: place for place, path in enumerate(called)}
    parts = sorted(
        (part for part in walked.parts if part.kind != "InputLayer"),
        key=lambda part: order.get(part.path, len(order)),
    )
    return replace(walked, parts=tuple(parts)), called, [givers.get(id(tensor)) for tensor in outputs]


# --- Weights ----------------------------------------------------------------------------------------


def _non_finite(model: Any) -> tuple[tuple[str, int], ...]:
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.weights, *(optimizer.variables if optimizer is not None else [])]
    counts = [(variable.path, _broken(backend.array(variable))) for variable in variables]
    return tuple(sorted((pair for pair in counts if pair[1]), key=lambda pair: -pair[1]))


def _broken(values: NDArray[Any]) -> int:
    if values.dtype.kind in "iub":
        return 0
    return int(np.count_nonzero(~np.isfinite(values.astype(np.float32, copy=False))))


def _largest(weight: Any) -> float:
    return float(np.abs(backend.array(weight)).max(initial=0))


def penalty(model: Any) -> float:
    """Return the sum of the regularization losses of the loaded weights."""
    penalties = (w.regularizer(backend.array(w)) for w in model.trainable_variables if getattr(w, "regularizer", None))
    return float(sum(float(penalty) for penalty in penalties))


def _static_shape(part: Part) -> tuple[int | None, ...] | None:
    """The output shape at the first call; None if the layer was never called symbolically."""
    nodes = getattr(part.layer, "_inbound_nodes", [])
    outputs = nodes[0].outputs if nodes else []
    return tuple(outputs[0].shape) if outputs else None


def _backend() -> str:
    import keras

    return str(keras.backend.backend())
