"""TensorFlow functions called on the tensors of a tf.keras model, as layers of Keras 3 on any backend.

tf.keras keeps each call as a layer (TFOpLambda, SlicingOpLambda) that names the function. The table below says what
a function means in `keras.ops`; one that is not in it cannot be loaded.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Function = Callable[..., Any]


def _tensors_of_one_type(*values: Any) -> list[Any]:
    """Constants take the type of the other tensor, as in TensorFlow."""
    dtypes = [keras.backend.standardize_dtype(value.dtype) for value in values if hasattr(value, "dtype")]
    return [value if hasattr(value, "dtype") else ops.convert_to_tensor(value, dtypes[0]) for value in values]


def _of_two(function: Function) -> Function:
    def call(x: Any, y: Any) -> Any:
        return function(*_tensors_of_one_type(x, y))

    return call


def _reduction(function: Function) -> Function:
    def call(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return function(input_tensor, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)

    return call


def _reshape(tensor: Any, shape: Any) -> Any:
    return ops.reshape(tensor, tuple(shape))


def _concat(values: Any, axis: int) -> Any:
    return ops.concatenate(_tensors_of_one_type(*values), axis=axis)


def _matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    a, b = _tensors_of_one_type(a, b)
    return ops.matmul(ops.swapaxes(a, -1, -2) if transpose_a else a, ops.swapaxes(b, -1, -2) if transpose_b else b)


def _transpose(a: Any, perm: Any = None, conjugate: bool = False) -> Any:  # real numbers only
    return ops.transpose(a, axes=perm)


def _clip(t: Any, clip_value_min: Any, clip_value_max: Any) -> Any:
    return ops.clip(t, clip_value_min, clip_value_max)


def _where(condition: Any, x: Any, y: Any) -> Any:
    return ops.where(condition, *_tensors_of_one_type(x, y))


def _l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    square = ops.sum(ops.square(x), axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, epsilon))


def _squeeze(input: Any, axis: Any = None) -> Any:  # noqa: A002 - TensorFlow's name
    return ops.squeeze(input, axis=tuple(axis) if isinstance(axis, list) else axis)


def _split(value: Any, num_or_size_splits: Any, axis: int = 0) -> Any:
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis=axis)
    ends = [sum(num_or_size_splits[: index + 1]) for index in range(len(num_or_size_splits) - 1)]
    return ops.split(value, ends, axis=axis)


def _pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0) -> Any:
    constant = mode.lower() == "constant"
    return ops.pad(tensor, paddings, mode=mode.lower(), **({"constant_values": constant_values} if constant else {}))


def _resize(images: Any, size: Any, method: str = "bilinear", antialias: bool = False) -> Any:
    return ops.image.resize(images, tuple(size), interpolation=method, antialias=antialias)


def _bias_add(value: Any, bias: Any, data_format: str | None = None) -> Any:
    """`preprocess_input` of VGG and ResNet subtracts the mean colour with it, too."""
    value, bias = _tensors_of_one_type(value, bias)
    first = str(data_format).startswith("NC")
    return value + (ops.reshape(bias, (-1, *[1] * (len(value.shape) - 2))) if first else bias)


def _cumsum(x: Any, axis: int = 0) -> Any:
    return ops.cumsum(x, axis=axis)


def _gather(params: Any, indices: Any, axis: int | None = None, batch_dims: int = 0) -> Any:
    axis = batch_dims if axis is None else axis
    if not batch_dims:
        return ops.take(params, indices, axis=axis)
    inner = axis - 1 if axis > 0 else axis
    return ops.vectorized_map(lambda row: _gather(row[0], row[1], inner, batch_dims - 1), (params, indices))


def _norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    axis = tuple(axis) if isinstance(axis, list) else axis
    return ops.norm(tensor, ord=None if ord == "euclidean" else ord, axis=axis, keepdims=keepdims)


def _tile(input: Any, multiples: Any) -> Any:  # noqa: A002
    return ops.tile(input, multiples)


def _one_hot(indices: Any, depth: int) -> Any:
    return ops.one_hot(indices, depth)


def _leaky_relu(features: Any, alpha: float = 0.2) -> Any:
    return ops.leaky_relu(features, negative_slope=alpha)


def _getitem(tensor: Any, slice_spec: Any) -> Any:
    return tensor[tuple(_index(one) for one in slice_spec)]


def _index(spec: Any) -> Any:
    if isinstance(spec, dict):
        if spec.get("class_name") == "__ellipsis__":
            return Ellipsis
        return slice(spec["start"], spec["stop"], spec["step"])
    return Ellipsis if spec == "..." else spec


def _first_of(function: Function) -> Function:
    """Functions of one tensor, whatever TensorFlow calls it."""

    def call(*values: Any, **named: Any) -> Any:
        (value,) = (*values, *named.values())
        return function(value)

    return call


_ONE = {
    name: _first_of(function)
    for names, function in (
        (("math.abs", "abs"), ops.abs),
        (("math.exp", "exp"), ops.exp),
        (("math.log",), ops.log),
        (("math.log1p",), ops.log1p),
        (("math.sqrt", "sqrt"), ops.sqrt),
        (("math.rsqrt",), ops.rsqrt),
        (("math.square", "square"), ops.square),
        (("math.negative", "__operators__.neg"), ops.negative),
        (("math.sin", "sin"), ops.sin),
        (("math.cos", "cos"), ops.cos),
        (("math.tanh", "tanh", "nn.tanh"), ops.tanh),
        (("math.sigmoid", "sigmoid", "nn.sigmoid"), ops.sigmoid),
        (("math.softplus", "nn.softplus"), ops.softplus),
        (("math.sign", "sign"), ops.sign),
        (("math.erf",), ops.erf),
        (("math.expm1",), ops.expm1),
        (("math.reciprocal",), ops.reciprocal),
        (("math.tan", "tan"), ops.tan),
        (("math.floor", "floor"), ops.floor),
        (("math.ceil",), ops.ceil),
        (("math.round", "round"), ops.round),
        (("math.logical_not",), ops.logical_not),
        (("nn.relu",), ops.relu),
        (("nn.relu6",), ops.relu6),
        (("nn.elu",), ops.elu),
        (("nn.selu",), ops.selu),
        (("nn.silu", "nn.swish"), ops.silu),
        (("nn.softsign",), ops.softsign),
        (("identity", "stop_gradient"), ops.identity),
        (("zeros_like",), ops.zeros_like),
        (("ones_like",), ops.ones_like),
    )
    for name in names
}
_TWO = {
    name: _of_two(function)
    for names, function in (
        (("math.add", "add", "__operators__.add"), ops.add),
        (("math.subtract", "subtract", "__operators__.sub"), ops.subtract),
        (("math.multiply", "multiply", "__operators__.mul"), ops.multiply),
        (("math.truediv", "math.divide", "divide", "truediv", "__operators__.truediv"), ops.true_divide),
        (("math.floordiv", "__operators__.floordiv"), ops.floor_divide),
        (("math.floormod", "math.mod", "__operators__.mod"), ops.mod),
        (("math.pow", "pow", "__operators__.pow"), ops.power),
        (("math.maximum", "maximum"), ops.maximum),
        (("math.minimum", "minimum"), ops.minimum),
        (("math.equal", "equal", "__operators__.eq"), ops.equal),
        (("math.not_equal", "not_equal", "__operators__.ne"), ops.not_equal),
        (("math.greater", "greater", "__operators__.gt"), ops.greater),
        (("math.greater_equal", "greater_equal", "__operators__.ge"), ops.greater_equal),
        (("math.less", "less", "__operators__.lt"), ops.less),
        (("math.less_equal", "less_equal", "__operators__.le"), ops.less_equal),
        (("math.logical_and",), ops.logical_and),
        (("math.logical_or",), ops.logical_or),
        (("math.squared_difference",), lambda x, y: ops.square(x - y)),
    )
    for name in names
}
_REDUCTIONS = {
    name: _reduction(function)
    for names, function in (
        (("math.reduce_mean", "reduce_mean"), ops.mean),
        (("math.reduce_sum", "reduce_sum"), ops.sum),
        (("math.reduce_max", "reduce_max"), ops.max),
        (("math.reduce_min", "reduce_min"), ops.min),
        (("math.reduce_prod", "reduce_prod"), ops.prod),
        (("math.reduce_any", "reduce_any"), ops.any),
        (("math.reduce_all", "reduce_all"), ops.all),
        (("math.reduce_std",), ops.std),
        (("math.reduce_variance",), ops.var),
        (("math.reduce_logsumexp", "reduce_logsumexp"), ops.logsumexp),
    )
    for name in names
}
FUNCTIONS: dict[str, Function] = {
    **_ONE,
    **_TWO,
    **_REDUCTIONS,
    "math.argmax": lambda input, axis=0: ops.argmax(input, axis=axis),  # noqa: A006 - TensorFlow's name
    "argmax": lambda input, axis=0: ops.argmax(input, axis=axis),  # noqa: A006
    "math.l2_normalize": _l2_normalize,
    "linalg.l2_normalize": _l2_normalize,
    "nn.l2_normalize": _l2_normalize,
    "linalg.matmul": _matmul,
    "matmul": _matmul,
    "linalg.norm": _norm,
    "norm": _norm,
    "compat.v1.norm": _norm,
    "math.cumsum": _cumsum,
    "cumsum": _cumsum,
    "gather": _gather,
    "compat.v1.gather": _gather,
    "reverse": lambda tensor, axis: ops.flip(tensor, axis=tuple(axis)),
    "roll": lambda input, shift, axis: ops.roll(input, shift, axis=axis),  # noqa: A006
    "nn.bias_add": _bias_add,
    "nn.softmax": ops.softmax,
    "nn.log_softmax": ops.log_softmax,
    "nn.leaky_relu": _leaky_relu,
    "nn.gelu": lambda features, approximate=False: ops.gelu(features, approximate=approximate),
    "reshape": _reshape,
    "concat": _concat,
    "stack": lambda values, axis=0: ops.stack(_tensors_of_one_type(*values), axis=axis),
    "unstack": lambda value, num=None, axis=0: ops.unstack(value, num, axis=axis),
    "split": _split,
    "transpose": _transpose,
    "compat.v1.transpose": _transpose,
    "expand_dims": ops.expand_dims,
    "squeeze": _squeeze,
    "compat.v1.squeeze": _squeeze,
    "cast": ops.cast,
    "clip_by_value": _clip,
    "where": _where,
    "tile": _tile,
    "repeat": lambda input, repeats, axis=None: ops.repeat(input, repeats, axis=axis),  # noqa: A006
    "pad": _pad,
    "compat.v1.pad": _pad,
    "image.resize": _resize,
    "one_hot": _one_hot,
    "__operators__.getitem": _getitem,
}


@keras.saving.register_keras_serializable("diagnose")
class TensorFlowCall(keras.layers.Layer):  # type: ignore[misc]
    """One call of a TensorFlow function.

    `first` is its first argument and `arguments` the others by name; {"tensor": n} means the n-th tensor that the layer
    is called on.
    """

    def __init__(self, function: str, first: Any, arguments: dict[str, Any], **settings: Any) -> None:
        super().__init__(**settings, autocast=False)
        self.function = function
        self.first = first
        self.arguments = arguments

    def call(self, inputs: Any) -> Any:
        arguments = {name: _filled(value, inputs) for name, value in self.arguments.items()}
        return FUNCTIONS[self.function](_filled(self.first, inputs), **arguments)

    def get_config(self) -> dict[str, Any]:
        own = {"function": self.function, "first": self.first, "arguments": self.arguments}
        return {**super().get_config(), **own}


def _filled(value: Any, tensors: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"tensor"}:
            return tensors[value["tensor"]]
        return {key: _filled(inner, tensors) for key, inner in value.items()}
    return [_filled(inner, tensors) for inner in value] if isinstance(value, list | tuple) else value
