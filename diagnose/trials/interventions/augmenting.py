"""Interventions on the rows as they are trained on: augmented, noisy, mixed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from diagnose.subject import Rows
from diagnose.trials.interventions.soft_labels import with_shares
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

if TYPE_CHECKING:
    from diagnose.measuring.training import Batching

SHIFT, TURN = 0.1, 0.05  # of the size of an image, and of a full circle
SMALLEST = 8  # pixels; smaller images lose what they show
NOISE = 0.1  # standard deviations of a column
WORDS = 0.1  # share of the words that are dropped
MIX = 0.2  # of the beta distribution of the shares; small: most mixtures are close to one of the rows (mixup)
CUT = 1.0  # the same for boxes: every share of the image is as likely (cutmix)
NOISY = ("GaussianNoise", "GaussianDropout")


def _augmented(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    shapes = [tuple(rows.shape[1:]) for rows in plan.train.inputs]
    if len(shapes) > 1 or len(plan.outputs) > 1 or len(shapes[0]) != 3 or min(shapes[0][:2]) < SMALLEST:
        return DoesNotApply("the model does not take one image and give one output")
    if len(plan.train.targets[0].shape) > 2:
        return DoesNotApply("the targets would have to move with the images")
    if any(type(layer).__name__.startswith("Random") for layer in plan.layers):
        return DoesNotApply("the model already augments its images", needless=True)

    def inside(copy: Any) -> Any:
        moves = [keras.layers.RandomTranslation(SHIFT, SHIFT), keras.layers.RandomRotation(TURN)]
        return keras.Sequential([keras.Input(shapes[0]), *moves, copy])

    return plan.changed("small shifts and turns of the images", around=(*plan.around, inside))


def _plain(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    from diagnose.measuring.copying import augments, without_augmentation

    if not any(augments(layer) for layer in plan.layers):
        return DoesNotApply("the model does not augment its rows", needless=True)
    return plan.edited("no augmentation", without_augmentation)


def _noisy(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    rows = plan.train.inputs[0]
    if not numeric(plan) or rows.ndim > 3:
        return DoesNotApply("the model does not take one table of numbers, or one series of them")
    if any(type(layer).__name__ in NOISY for layer in plan.layers):
        return DoesNotApply("the model already adds noise", needless=True)
    scale = noise_scale(rows)

    def inside(copy: Any) -> Any:
        unscaled, scaled = keras.layers.Rescaling((1 / scale).tolist()), keras.layers.Rescaling(scale.tolist())
        noise = [unscaled, keras.layers.GaussianNoise(NOISE), scaled]
        return keras.Sequential([keras.Input(rows.shape[1:]), *noise, copy])

    what = f"noise of {NOISE:g} standard deviations in every column"
    return plan.changed(what, around=(*plan.around, inside))


def noise_scale(rows: Rows) -> Any:
    """The standard deviation of each column, 1 for a constant one: [columns]."""
    import numpy as np

    std = np.asarray(rows, np.float32).std(axis=tuple(range(rows.ndim - 1)))
    return np.where(std > 0, std, 1.0)


def _words_dropped(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    chosen = {id(layer) for layer in plan.layers if isinstance(layer, keras.layers.Embedding) and _of_words(layer)}
    if not chosen:
        return DoesNotApply("no Embedding layer takes a row of words")
    if any(type(layer).__name__ == "Dropout" and layer.noise_shape for layer in plan.layers):
        return DoesNotApply("the model already drops words", needless=True)

    def without_words(layer: Any, copy: Any) -> Any:
        if id(layer) not in chosen:
            return copy
        drop = keras.layers.Dropout(WORDS, noise_shape=(None, None, 1))
        return keras.Sequential([copy, drop], name=layer.name)

    return plan.edited(f"{WORDS:g} of the words dropped", without_words)


def _of_words(layer: Any) -> bool:
    """Whether an embedding gives one vector per word of a row: [rows, words, size]."""
    from diagnose.trials.plan import tensor_of

    given = tensor_of(layer, "output")
    return given is not None and len(given.shape) == 3


def _mixed(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    if not numeric(plan):
        return DoesNotApply("rows that are not one array of numbers cannot be mixed")
    return _in_pairs(plan, "rows and their classes mixed in pairs", _mixture)


def _cut(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    shape = plan.train.inputs[0].shape[1:]
    if len(shape) != 3 or not numeric(plan):
        return DoesNotApply("a row is not one image")
    if min(shape[:2]) < SMALLEST:
        return DoesNotApply(f"the images are smaller than {SMALLEST} pixels")
    return _in_pairs(plan, "a box of every image, and its share of the class, from another one", _boxes)


def _in_pairs(plan: TrainingPlan, what: str, mixture: Batching) -> TrainingPlan | DoesNotApply:
    """The plan with batches in which every row takes over a part of another one, and of its class."""
    if plan.train.sample_weight is not None:
        return DoesNotApply("the weights of the rows would have to be mixed as well")
    shares = with_shares(plan, what)
    return shares if isinstance(shares, DoesNotApply) else replace(shares, batches=(*shares.batches, mixture))


def _mixture(x: Any, y: Any, seeds: Any) -> tuple[Any, Any]:
    """Every row mixed with the one at the other end of its batch, which is shuffled (mixup, arXiv:1710.09412)."""
    import keras

    share = keras.random.beta((), MIX, MIX, seed=seeds)

    def mixed(rows: Any) -> Any:
        numbers = keras.ops.cast(rows, keras.config.floatx())
        own = keras.ops.cast(share, numbers.dtype)
        return own * numbers + (1 - own) * keras.ops.flip(numbers, axis=0)

    return keras.tree.map_structure(mixed, x), keras.tree.map_structure(mixed, y)


def _boxes(x: Any, y: Any, seeds: Any) -> tuple[Any, Any]:
    """Every image with a box of the one at the other end of its batch (CutMix, arXiv:1905.04899).

    The box is the same for the whole batch. Its centre may lie anywhere, and what is over the edge is cut off.
    """
    import keras

    ops = keras.ops
    side = ops.sqrt(1 - keras.random.beta((), CUT, CUT, seed=seeds))
    centre = keras.random.uniform((2,), seed=seeds)

    def inside(size: int, at: Any) -> Any:
        """Whether each of the pixels along one side of the image is in the box: [size]."""
        pixels = ops.arange(size, dtype=at.dtype)
        low, high = (ops.round(size * ops.clip(at + end * side / 2, 0, 1)) for end in (-1, 1))
        return ops.logical_and(pixels >= low, pixels < high)

    def pasted(images: Any) -> Any:
        numbers = ops.cast(images, keras.config.floatx())
        return ops.where(box(images)[None, :, :, None], ops.flip(numbers, axis=0), numbers)

    def box(images: Any) -> Any:
        height, width = images.shape[1:3]
        return ops.logical_and(inside(height, centre[0])[:, None], inside(width, centre[1])[None, :])

    share = 1 - ops.mean(ops.cast(box(keras.tree.flatten(x)[0]), keras.config.floatx()))

    def shared(classes: Any) -> Any:
        numbers = ops.cast(classes, keras.config.floatx())
        return share * numbers + (1 - share) * ops.flip(numbers, axis=0)

    return keras.tree.map_structure(pasted, x), keras.tree.map_structure(shared, y)


def numeric(plan: TrainingPlan) -> bool:
    """Whether the only input is an array of numbers that are no codes."""
    from diagnose.measuring.copying import token_inputs

    inputs = plan.train.inputs
    return len(inputs) == 1 and inputs[0].ndim > 1 and inputs[0].dtype.kind in "fiu" and not token_inputs(plan.model)


AUGMENTATION = Intervention("Shifts and turns every training image by a little.", _augmented, cost=2.5)
NO_AUGMENTATION = Intervention("Removes the augmentation layers.", _plain)
INPUT_NOISE = Intervention(
    f"Adds noise of {NOISE:g} standard deviations to every column while the model trains.", _noisy
)
WORD_DROPOUT = Intervention(f"Drops {WORDS:g} of the words of every row while the model trains.", _words_dropped)
MIXUP = Intervention("Mixes every row, and its class, with another row of its batch.", _mixed)
CUTMIX = Intervention("Puts a box of another image of the batch into every image, and its share into the class.", _cut)
