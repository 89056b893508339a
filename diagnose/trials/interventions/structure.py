"""Interventions on the size and the structure of a net: wider, deeper, with normalisation or residual links."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

from diagnose.trials.interventions.layers import activation_of, keeps_shape, mixes, with_config
from diagnose.trials.plan import DoesNotApply, Edit, Intervention, TrainingPlan, tensor_of

SIZES = ("units", "filters")
WIDER, WIDE = 4, 32  # times, and the fewest units of a hidden layer, where one is too narrow
ENOUGH = {"units": WIDE, "filters": 8}  # the fewest of a bigger layer
FOURFOLD = {"units": 256, "filters": 32}  # up to this size a bigger layer is four times as wide, else twice
WIDEST = 512  # units of a first hidden layer; its kernel grows with them times the inputs
PLAIN = ("Dense", "Conv1D", "Conv2D", "Conv3D")  # layers of which another one can follow
LINKS = ("Add", "Concatenate", "Average", "Multiply")
NORMALISING = ("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization")
OFTEN = 0.5  # normalising layers for each hidden Dense or convolution; residual nets and transformers have more
ROWS_OF_TOKENS = 3  # axes of what an embedding makes of them: rows, steps, numbers
FEW = 16  # rows; the statistics of a smaller batch are too uncertain to normalise with


def _resized(
    by: Callable[[int, str], int], what: str, sizes: tuple[str, ...] = SIZES
) -> Callable[[TrainingPlan], TrainingPlan | DoesNotApply]:
    def change(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
        chosen = {id(layer) for layer in _sized(plan, sizes)}
        if not chosen:
            return DoesNotApply("no hidden layer has a number of units")

        def resized(layer: Any, copy: Any) -> Any:
            if id(layer) not in chosen:
                return copy
            config = copy.get_config()
            return with_config(copy, **{key: by(config[key], key) for key in sizes if isinstance(config.get(key), int)})

        return plan.edited(what, resized)

    return change


def _sized(plan: TrainingPlan, sizes: tuple[str, ...] = SIZES) -> list[Any]:
    """The hidden layers with a number of units or filters."""
    return [layer for layer in plan.hidden if layer.weights and _has_size(layer, sizes)]


def _bigger(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _wider(plan) if _sized(plan) else _first_hidden(plan)


def _only_hidden(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return DoesNotApply("the net has a hidden layer", needless=True) if _sized(plan) else _first_hidden(plan)


def _first_hidden(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    chosen = {id(layer) for layer in plan.readouts if isinstance(layer, keras.layers.Dense)}
    if not chosen:
        return DoesNotApply("no hidden layer has a number of units, and no Dense layer gives the output")

    def after_hidden(layer: Any, copy: Any) -> Any:
        if id(layer) not in chosen:
            return copy
        units = first_units(layer.kernel.shape[0], layer.units)
        return keras.Sequential([keras.layers.Dense(units, "relu"), copy], name=layer.name)

    return plan.edited("a first hidden layer", after_hidden)


def _with_positions(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    """A bias of its own for every step, behind a linear layer that begins as the identity: learned positions."""
    import keras

    embeddings = _embeddings(plan)
    if not any("Attention" in type(layer).__name__ for layer in plan.layers):
        return DoesNotApply("no attention layer would see the positions")
    if not embeddings or any(layer.mask_zero or layer.output.shape[1] is None for layer in embeddings):
        return DoesNotApply("there is no embedding of rows of a fixed length without a mask")

    def positions(layer: Any) -> Any:
        return keras.layers.EinsumDense(
            "btd,de->bte",
            tuple(layer.output.shape[1:]),
            bias_axes="te",
            kernel_initializer="identity",
            bias_initializer="uniform",
        )

    return plan.edited("positions behind the embedding", _behind(embeddings, positions))


def _read_in_order(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    embeddings = _embeddings(plan)
    if not embeddings:
        return DoesNotApply("there is no embedding of tokens")

    def read(layer: Any) -> Any:
        return keras.layers.GRU(layer.output_dim, return_sequences=True)

    return plan.edited("a recurrent layer behind the embedding", _behind(embeddings, read))


def _embeddings(plan: TrainingPlan) -> list[Any]:
    """The embeddings of rows of tokens; [] if one of them is called several times."""
    found = [layer for layer in plan.layers if type(layer).__name__ == "Embedding"]
    outputs = [tensor_of(layer, "output") for layer in found]
    return found if all(output is not None and len(output.shape) == ROWS_OF_TOKENS for output in outputs) else []


def _behind(chosen: list[Any], following: Callable[[Any], Any]) -> Edit:
    """The edit that lets another layer follow each of the chosen ones."""
    import keras

    def edit(layer: Any, copy: Any) -> Any:
        if not any(layer is one for one in chosen):
            return copy
        return keras.Sequential([copy, following(layer)], name=layer.name)

    return edit


def first_units(inputs: int, outputs: int) -> int:
    """The units of an only hidden layer: the geometric mean of inputs and outputs (Masters 1993, *Practical Neural
    Network Recipes in C++*, the geometric pyramid rule), within 32 to 512: a few inputs need more than that to bend.
    """
    return min(max(round(sqrt(inputs * outputs)), WIDE), WIDEST)


def _has_size(layer: Any, sizes: tuple[str, ...]) -> bool:
    try:
        config = layer.get_config()
    except NotImplementedError:
        return False
    return any(isinstance(config.get(key), int) for key in sizes)


def _deeper(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    hidden = [layer for layer in plan.hidden if mixes(layer) and type(layer).__name__ in PLAIN]
    if not hidden or activation_of(hidden[-1]) in (None, "linear"):
        return DoesNotApply("no hidden Dense or convolution layer with an activation could be repeated")
    last = hidden[-1]

    def repeated(layer: Any, copy: Any) -> Any:
        if layer is not last:
            return copy
        again = with_config(copy, name=f"{layer.name}_again", padding="same", strides=1)
        return keras.Sequential([copy, again], name=layer.name)

    return plan.edited("one hidden layer more", repeated)


def normalising_layer(batch_size: int) -> str:
    """The class of the layer that normalises best at this number of rows per batch."""
    return "BatchNormalization" if batch_size >= FEW else "LayerNormalization"


def _normalised(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    hidden = [layer for layer in plan.hidden if mixes(layer)]
    norms = sum(type(layer).__name__ in NORMALISING for layer in plan.layers)
    if norms:
        enough = norms >= OFTEN * len(hidden)
        return DoesNotApply("the model already normalises between its layers", needless=enough)
    chosen = {id(layer) for layer in hidden}
    if not chosen:
        return DoesNotApply("there is no hidden Dense or convolution layer")
    kind = getattr(keras.layers, normalising_layer(plan.batch_size))

    def followed(layer: Any, copy: Any) -> Any:
        return keras.Sequential([copy, kind()], name=layer.name) if id(layer) in chosen else copy

    return plan.edited(f"{kind.__name__} after every hidden layer", followed)


def _residual(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    if any(type(layer).__name__ in LINKS for layer in plan.layers):
        return DoesNotApply("the model already has links around its layers", needless=True)
    chosen = {id(layer) for layer in plan.hidden if mixes(layer) and keeps_shape(layer)}
    if not chosen:
        return DoesNotApply("no hidden layer gives outputs in the shape of its inputs")

    def linked(layer: Any, copy: Any) -> Any:
        if id(layer) not in chosen:
            return copy
        source = keras.Input(layer.input.shape[1:])
        return keras.Model(source, keras.layers.Add()([source, copy(source)]), name=layer.name)

    return plan.edited("residual links around the layers that keep the shape", linked)


def bigger_size(size: int, key: str) -> int:
    """The units or filters (`key`) of a bigger layer: twice as many, or up to four times where that is still small."""
    return max(2 * size, min(4 * size, FOURFOLD[key]), ENOUGH[key])


_wider = _resized(bigger_size, "two to four times the units in hidden layers, and 32 at least")
BIGGER = Intervention(
    "Gives every hidden layer two to four times the units or filters, and 32 or 8 at least; a net without one gets a"
    " Dense layer before its output.",
    _bigger,
    cost=4.0,
)
POSITIONS = Intervention("Gives every step of the embedded tokens a bias of its own.", _with_positions)
IN_ORDER = Intervention("Reads the embedded tokens with a recurrent layer.", _read_in_order, cost=5.0)
FIRST_HIDDEN = Intervention(
    "Gives a net without a hidden layer a Dense layer with ReLU before its output.", _only_hidden, cost=1.5
)
HALF_THE_UNITS = Intervention(
    "Halves the units or filters of every hidden layer.",
    _resized(lambda size, _: max(size // 2, 1), "half the units in hidden layers"),
)
WIDE_UNITS = Intervention(
    f"Gives every hidden layer {WIDER} times the units, and {WIDE} at least.",
    _resized(lambda size, _: max(WIDER * size, WIDE), f"{WIDER} times the units in hidden layers", ("units",)),
    cost=3.0,
)
DEEPER = Intervention("Repeats the last hidden Dense or convolution layer.", _deeper, cost=1.5)
NORMALISED = Intervention(
    f"Normalises after every hidden Dense or convolution layer: by batch, or by row below {FEW} rows a batch.",
    _normalised,
    cost=1.5,
)
RESIDUAL = Intervention("Adds the input of every hidden layer that keeps its shape to its output.", _residual)
