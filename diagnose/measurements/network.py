"""The model as built. Only its weights are read; nothing is run."""

from dataclasses import dataclass, field

from diagnose.subject import Output


@dataclass(frozen=True)
class Layer:
    """One layer as built, in call order.

    `activation` is the canonical name of the activation that this layer applies last ("relu", "linear",
    "softmax", "sigmoid", "tanh", "leaky_relu", "gelu", ...), None for layers without one
    (Flatten, pooling, merging). `weighted` marks layers with a trainable kernel that mixes features
    (Dense, convolutions, recurrent, attention projections). `kernel_std` is the standard deviation of the
    first kernel *as loaded*, `fan_in` its fan-in. `twin_units` is the share of units (columns or filters of
    the kernel as loaded) whose cosine similarity to another unit is above 0.9999.
    """

    path: str
    kind: str
    activation: str | None = None
    units: int | None = None
    output_shape: tuple[int | None, ...] | None = None
    parameters: int = 0
    trainable: bool = True
    weighted: bool = False
    normalises: bool = False  # BatchNormalization, LayerNormalization, Normalization, Rescaling, ...
    recurrent: bool = False
    use_bias: bool | None = None
    initializer: str | None = None  # class name and its numbers: "RandomNormal(stddev=0.05)"
    regularized: bool = False
    dropout: float | None = None  # rate of a Dropout-like layer
    fan_in: int | None = None
    kernel_std: float | None = None
    kernel_max: float | None = None  # largest absolute weight
    twin_units: float | None = None
    pretrained: bool = False  # keeps the loaded weights when fresh ones are drawn: frozen, or a Keras application
    as_drawn: bool | None = None  # frozen kernel that looks as its initializer draws it; None: not frozen, or unknown
    vocabulary: int | None = None  # entries of a layer that numbers words or categories, special ones left out
    inbound: tuple[str, ...] = ()  # paths of its input layers; empty for inputs and where unknown
    kernel_size: tuple[int, ...] = ()  # of convolution and pooling layers, one number per axis; else ()
    strides: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    dtype: str = "float32"  # of its weights
    compute_dtype: str = "float32"


@dataclass(frozen=True)
class Head:
    """The head of one output.

    `activation` is the canonical name of the output's activation, None where unknown. `units` is the size of its
    last axis; `shape` is the shape of one row's output and `target_shape` that of one target as fed (both
    without the row axis).
    """

    output: Output
    layer: str
    activation: str | None
    units: int
    shape: tuple[int | None, ...]
    target_shape: tuple[int, ...]
    use_bias: bool | None = None


@dataclass(frozen=True)
class Network:
    """The model as built and loaded."""

    layers: tuple[Layer, ...]
    heads: tuple[Head, ...]
    parameters: int
    trainable_parameters: int
    graph_known: bool  # False for subclassed models: `inbound` is empty there
    skips: bool  # a layer merges two paths (Add, Concatenate, ...)
    non_finite: tuple[
        tuple[str, int], ...
    ]  # (variable path, count of NaN or Inf), worst first; optimizer slots included
    penalty: float  # sum of regularisation losses at the loaded weights
    optimizer: str | None  # snake-case class name: "adam", "sgd", ...
    learning_rate: float | None
    settings: dict[str, float] = field(default_factory=dict)  # momentum, weight_decay, clipnorm, ...
    batch_size: int | None = None  # None: unknown
    epochs: int | None = None
    iterations: int | None = None
    backend: str = "tensorflow"
    trained: bool = True
    loss_scaled: bool = False  # the optimizer scales the loss, so that half-precision gradients do not underflow
    operations: tuple[str, ...] = ()  # keras.ops called outside layers ("Relu", "Add"); not part of `inbound`
