"""One compiled pass over a batch: data loss, statistics of layer outputs, norms of gradients.

All reductions happen inside the compiled function; it returns no activations. Layer outputs are captured by wrapping
`Layer.__call__` during tracing, which also works for subclassed models and costs nothing at run time. Tensors inside
the body of a loop or a rematerialised layer are not captured, as they do not exist outside. A stateless scope discards
all updates of the model's state.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from diagnose.measurements import TRAINABLE, Array, NotMeasured
from diagnose.measuring import backend
from diagnose.measuring.bench import Batch, Structure
from diagnose.measuring.reducing import kernel_sizes, saturation_bounds, squares_of, statistics
from diagnose.measuring.train_steps import own_train_step, still_optimizers
from diagnose.measuring.walking import Part, kernels


@dataclass(frozen=True)
class Tally:
    """Statistics per unit of one tensor over one or more batches; tallies are merged with `+`.

    Arrays but `sizes` have shape (units,). `count` is the number of values and `rows` that of rows per unit; `squares`
    and `row_squares` are sums of squared deviations, of single values and of row means. `low` and `high` use all
    positions, the rest at most `reducing.POSITIONS` of each row. `sizes` counts values of all units, see
    `reducing.by_size`.
    """

    count: float
    rows: float
    sizes: Array
    mean: Array
    squares: Array
    row_mean: Array
    row_squares: Array
    low: Array
    high: Array
    positive: Array  # a count, as the next two
    saturated: Array
    non_finite: Array

    def __add__(self, other: "Tally") -> "Tally":
        mean, squares = _pooled((self.count, self.mean, self.squares), (other.count, other.mean, other.squares))
        row_mean, row_squares = _pooled(
            (self.rows, self.row_mean, self.row_squares), (other.rows, other.row_mean, other.row_squares)
        )
        return Tally(
            self.count + other.count,
            self.rows + other.rows,
            self.sizes + other.sizes,
            mean,
            squares,
            row_mean,
            row_squares,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.positive + other.positive,
            self.saturated + other.saturated,
            self.non_finite + other.non_finite,
        )


@dataclass(frozen=True)
class Reading:
    """Results of one batch. Keys are paths of parts, in call order.

    `weight_gradients`: sum of squares of the data loss's gradient with respect to the kernels of a part, None
    if it is missing. `activation_gradients`: the same for its output, with the number of values.
    `norm`: of the gradient with respect to all trainable weights. `weight_sizes`: the first ones counted by size, see
    `reducing.by_size`; kernels without a gradient are left out.
    """

    rows: int
    loss: float | None = None
    outputs: dict[str, Tally] = field(default_factory=dict)
    inputs: dict[str, Tally] = field(default_factory=dict)
    weight_gradients: dict[str, float | None] = field(default_factory=dict)
    activation_gradients: dict[str, tuple[float, float]] = field(default_factory=dict)
    norm: float = float("nan")
    weight_sizes: dict[str, Array] = field(default_factory=dict)


def compile_statistics(
    model: Any, parts: tuple[Part, ...], firsts: tuple[Part, ...], training: bool, stepped: bool = False
) -> Callable[[Structure], Reading]:
    """Compile a forward pass that tallies the outputs of `parts` and the inputs of `firsts`.

    If `stepped`, the model's own `train_step` makes the pass, and takes what `fit` would give it.
    """
    import keras

    def run(inputs: Any) -> Any:
        outputs: dict[str, list[Any]] = {}
        entered: dict[str, list[Any]] = {}
        first = {part.path for part in firsts}
        wanted = {part.path for part in parts}

        def see(part: Part, entering: Any, given: list[Any]) -> None:
            if part.path in wanted:
                outputs.setdefault(part.path, []).extend(
                    statistics(tensor, saturation_bounds(part)) for tensor in given[:1]
                )
            if part.path in first and entering is not None:
                entered.setdefault(part.path, []).append(statistics(entering, None))

        with keras.StatelessScope(), capturing(tuple({*parts, *firsts}), see):
            if stepped:
                with still_optimizers():
                    own_train_step(model, inputs)
            else:
                call(model, inputs, training)
        return outputs, entered

    compiled = backend.compiled(run)

    def read(inputs: Structure) -> Reading:
        outputs, entered = compiled(tensors(inputs))
        rows = len(keras.tree.flatten(inputs)[0])
        return Reading(rows, outputs=_tallies(outputs), inputs=_tallies(entered))

    return read


def compile_gradients(model: Any, parts: tuple[Part, ...]) -> Callable[[Batch], Reading]:
    """Compile a train-mode pass that returns the data loss and the norms of its gradients at `parts`.

    Without penalties, with sample weights; BatchNormalization uses batch statistics, dropout is active.

    Raises:
        NotMeasured: on the first call, if the model has no compiled loss or no trainable weights.
    """
    import keras

    variables = list(model.trainable_variables)
    numbered = {id(variable): number for number, variable in enumerate(variables)}
    counted = _places(parts, numbered)

    def run(inputs: Any, targets: Any, weights: Any) -> Any:
        seen: dict[str, list[slice]] = {}
        outputs: list[Any] = []

        def see(part: Part, _: Any, given: list[Any]) -> None:
            start = len(outputs)
            outputs.append(given[0])
            if hasattr(given[0], "_keras_logits"):  # Keras's losses may use the logits before a softmax
                outputs.append(given[0]._keras_logits)
            seen.setdefault(part.path, []).append(slice(start, len(outputs)))

        def forward() -> tuple[Any, list[Any], Any]:
            with keras.StatelessScope(collect_losses=True):
                with capturing(parts, see):
                    predicted = call(model, inputs, training=True)
                return data_loss(model, inputs, targets, predicted, weights), outputs, None

        loss, _, of_weights, of_outputs = backend.gradients(forward, variables)
        squares = [None if gradient is None else backend.sum_of_squares(gradient) for gradient in of_weights]
        sizes = {i: kernel_sizes(of_weights[i]) for i in counted if of_weights[i] is not None}
        found = {path: [_first_known(of_outputs[place]) for place in places] for path, places in seen.items()}
        return loss, squares, sizes, {path: squares_of(gradients) for path, gradients in found.items()}

    compiled = backend.compiled(run)

    def read(batch: Batch) -> Reading:
        if not variables:
            raise NotMeasured("the model has no trainable weights", TRAINABLE)
        inputs, targets, weights = batch
        build_loss(model, inputs, targets)
        loss, squares, sizes, of_outputs = compiled(tensors(inputs), tensors(targets), tensors(weights))
        numbers = [None if square is None else float(square) for square in squares]
        by_part = {
            part.path: _known([numbers[numbered[id(v)]] for v in kernels(part) if id(v) in numbered]) for part in parts
        }
        return Reading(
            rows=len(keras.tree.flatten(inputs)[0]),
            loss=float(loss),
            weight_gradients={path: by_part[path] for path in of_outputs} | by_part,
            activation_gradients={path: (float(total), float(size)) for path, (total, size) in of_outputs.items()},
            norm=float(np.sqrt(sum(number for number in numbers if number is not None))),
            weight_sizes=_sizes_by_part(parts, numbered, sizes),
        )

    return read


def compile_output_gradients(model: Any, outputs: int) -> Callable[[Batch], Array]:
    """Compile a train-mode pass that returns the norm of the gradient of each output's part of the loss: [outputs].

    Only weights that all outputs depend on count; the result is empty if there are none. The loss is the one of
    `compile_gradients`.
    """
    import keras

    variables = list(model.trainable_variables)

    def run(inputs: Any, targets: Any, weights: Any) -> Any:
        def forward(kept: int) -> tuple[Any, list[Any], Any]:
            with keras.StatelessScope():
                predicted = call(model, inputs, training=True)
                flat = keras.tree.flatten(predicted)
                alone = [one if place == kept else keras.ops.stop_gradient(one) for place, one in enumerate(flat)]
                predicted = keras.tree.pack_sequence_as(predicted, alone)
                return data_loss(model, inputs, targets, predicted, weights), [], None

        each = [backend.gradients(partial(forward, place), variables)[2] for place in range(outputs)]
        shared = [column for column in zip(*each, strict=True) if all(gradient is not None for gradient in column)]
        return [[backend.sum_of_squares(gradient) for gradient in column] for column in shared]

    compiled = backend.compiled(run)

    def read(batch: Batch) -> Array:
        inputs, targets, weights = batch
        build_loss(model, inputs, targets)
        squares = compiled(tensors(inputs), tensors(targets), tensors(weights))
        return np.sqrt(np.asarray(squares, np.float64).sum(axis=0)) if squares else np.empty(0)

    return read


def compile_step_gradients(
    model: Any, parts: tuple[Part, ...], loss_of: Callable[[Any], Any]
) -> Callable[[Any], Reading]:
    """Compile a pass of the model's own `train_step` that returns its loss and the norms of the gradients it applies.

    What arrives at the outputs of parts is unknown. `loss_of` finds the loss in what the step logs.
    """
    import keras

    numbered = {id(variable): number for number, variable in enumerate(model.trainable_variables)}
    counted = set(_places(parts, numbered))

    def run(data: Any) -> Any:
        squares: dict[int, Any] = {}
        sizes: dict[int, Any] = {}

        def see(gradients: list[Any], variables: list[Any]) -> None:
            for gradient, variable in zip(gradients, variables, strict=True):
                if gradient is not None and id(variable) in numbered:
                    squares[numbered[id(variable)]] = backend.sum_of_squares(gradient)
                    if numbered[id(variable)] in counted:
                        sizes[numbered[id(variable)]] = kernel_sizes(gradient)

        with keras.StatelessScope(collect_losses=True), still_optimizers(see):
            loss = loss_of(own_train_step(model, data))
        return loss, squares, sizes

    compiled = backend.compiled(run)

    def read(data: Any) -> Reading:
        loss, squares, sizes = compiled(tensors(data))
        numbers = {place: float(square) for place, square in squares.items()}
        return Reading(
            rows=len(keras.tree.flatten(data)[0]),
            loss=float(loss),
            weight_gradients={
                part.path: _known([numbers.get(numbered[id(v)]) for v in kernels(part) if id(v) in numbered])
                for part in parts
            },
            norm=float(np.sqrt(sum(numbers.values()))),
            weight_sizes=_sizes_by_part(parts, numbered, sizes),
        )

    return read


# --- Seeing layers ----------------------------------------------------------------------------------


@contextmanager
def capturing(parts: tuple[Part, ...], see: Callable[[Part, Any, list[Any]], None]) -> Iterator[None]:
    """Call `see(part, first input or None, outputs)` for each call of a part, with floating-point tensors only."""
    import keras

    level = backend.trace_level()

    def seen(part: Part, entered: Any, outputs: Any) -> Any:
        if backend.trace_level() == level:
            given = [tensor for tensor in keras.tree.flatten(outputs) if _is_float(tensor)]
            entering = [tensor for tensor in keras.tree.flatten(entered) if _is_float(tensor)]
            if given:
                see(part, entering[0] if entering else None, given)
        return outputs

    with _after_calls(parts, seen):
        yield


@contextmanager
def blinded(parts: tuple[Part, ...]) -> Iterator[None]:
    """Let every part give all rows of a batch the mean of its outputs: nothing behind it can tell rows apart."""
    import keras

    def alike(tensor: Any) -> Any:
        if not _is_float(tensor):
            return tensor
        mean = keras.ops.mean(tensor, axis=0, keepdims=True)
        return keras.ops.broadcast_to(mean, keras.ops.shape(tensor))

    with _after_calls(parts, lambda part, entered, outputs: keras.tree.map_structure(alike, outputs)):
        yield


@contextmanager
def _after_calls(parts: tuple[Part, ...], act: Callable[[Part, Any, Any], Any]) -> Iterator[None]:
    """Replace the outputs of each call of a part by `act(part, (args, kwargs), outputs)`."""
    import keras

    layer_class = keras.layers.Layer
    original = layer_class.__call__
    by_layer = {id(part.layer): part for part in parts}

    def watched(layer: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = original(layer, *args, **kwargs)
        part = by_layer.get(id(layer))
        return outputs if part is None else act(part, (args, kwargs), outputs)

    layer_class.__call__ = watched
    try:
        yield
    finally:
        layer_class.__call__ = original


def data_loss(model: Any, inputs: Any, targets: Any, predicted: Any, weights: Any) -> Any:
    """Return the compiled loss without penalties, the loss of a custom `compute_loss`, or what layers add as the loss.

    Raises:
        NotMeasured: the model has no loss.
    """
    import keras

    if type(model).compute_loss is not keras.Model.compute_loss:
        return model.compute_loss(x=inputs, y=targets, y_pred=predicted, sample_weight=weights, training=True)
    if model._compile_loss is not None:
        return model._compile_loss(targets, predicted, weights)
    added = [loss for layer in model._flatten_layers() for loss in layer._get_own_losses()]
    if not added:
        raise NotMeasured("the model was compiled without a loss", "Name the loss: --loss L.")
    return sum(added[1:], added[0])


def build_loss(model: Any, inputs: Structure, targets: Structure) -> None:
    """Build the compiled loss before tracing, as it creates variables for several outputs."""
    import keras

    loss = getattr(model, "_compile_loss", None)
    if loss is not None and not loss.built:
        few, wanted = (keras.tree.map_structure(lambda rows: rows[:2], part) for part in (inputs, targets))
        with keras.StatelessScope():
            predicted = call(model, few, training=False)
        loss.build(wanted, predicted)


def call(model: Any, inputs: Any, training: bool) -> Any:
    """Call the model in train or inference mode, as `fit` and `evaluate` do."""
    return model(inputs, training=training) if model._call_has_training_arg else model(inputs)


def _is_float(tensor: Any) -> bool:
    import keras

    if not hasattr(tensor, "shape") or not hasattr(tensor, "dtype") or len(tensor.shape) < 1:
        return False
    return bool(keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype)))


def tensors(structure: Structure) -> Any:
    """Convert the arrays of a structure to tensors; None stays None."""
    import keras

    return keras.tree.map_structure(lambda rows: None if rows is None else keras.ops.convert_to_tensor(rows), structure)


# --- Accumulating, outside ----------------------------------------------------------------------------


def _places(parts: tuple[Part, ...], numbered: dict[int, int]) -> list[int]:
    """The numbers of the variables that are kernels of parts."""
    return sorted({numbered[id(kernel)] for part in parts for kernel in kernels(part) if id(kernel) in numbered})


def _sizes_by_part(parts: tuple[Part, ...], numbered: dict[int, int], sizes: dict[int, Any]) -> dict[str, Array]:
    """The counts by size of each part, summed over its kernels."""
    places = {part.path: [place for place in _places((part,), numbered) if place in sizes] for part in parts}
    return {
        path: np.sum([np.asarray(sizes[place], np.float64) for place in own], axis=0)
        for path, own in places.items()
        if own
    }


def _tallies(found: dict[str, list[tuple[Any, Any, Any]]]) -> dict[str, Tally]:
    """Return one tally per part, summed over its calls."""
    result: dict[str, Tally] = {}
    for path, calls in found.items():
        for counts, table, sizes in calls:
            count, rows = (float(size) for size in np.asarray(counts))
            tally = Tally(count, rows, np.asarray(sizes, np.float64), *np.asarray(table, np.float64))
            result[path] = result[path] + tally if path in result else tally
    return result


Group = tuple[float, Array, Array]  # size, means, sums of squared deviations


def _pooled(one: Group, other: Group) -> tuple[Array, Array]:
    """Mean and sum of squared deviations of two merged groups (Chan, Golub and LeVeque 1983)."""
    (n, mean, squares), (m, other_mean, more) = one, other
    difference, total = other_mean - mean, n + m
    return mean + difference * (m / total), squares + more + np.square(difference) * (n * m / total)


def _first_known(gradients: list[Any]) -> Any:
    return next((gradient for gradient in gradients if gradient is not None), None)


def _known(numbers: list[float | None]) -> float | None:
    """The sum of the known numbers; None if all are missing."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
