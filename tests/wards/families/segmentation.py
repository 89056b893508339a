"""Segmentation with a small U-Net: a label for every pixel."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import layers

from tests.wards import references as ref
from tests.wards.data import Array, Data
from tests.wards.families.rows import dev_in_another_order, drawn, times
from tests.wards.measures import Measure, dice, overlap, predicted_classes
from tests.wards.models import HEADS, inputs
from tests.wards.recipe import Recipe, healthy, make, sick


def shapes(
    *, rows: int = 240, size: int = 16, contrast: float = 1.0, radius: float = 3.5, kinds: int = 1, weight: float = 0.0
) -> Data:
    """Noisy pictures (rows, size, size, 1) between 0 and 1 with a disc, a square beside it, a ramp behind.

    The masks (rows, size, size, 1) have the disc; with two `kinds` they are class numbers of disc and square.
    A `weight` adds weights per pixel: that of the foreground, against 1.
    """
    rng = np.random.default_rng(0)
    up, right = np.mgrid[:size, :size]
    centres = rng.uniform(radius, size - radius, (4, rows, 1, 1))
    sizes = rng.uniform(0.6, 1.0, (rows, 1, 1)) * radius
    disc = (up - centres[0]) ** 2 + (right - centres[1]) ** 2 < sizes**2
    square = (np.maximum(abs(up - centres[2]), abs(right - centres[3])) < 0.8 * sizes) & ~disc
    ramp = rng.uniform(-0.15, 0.15, (rows, 1, 1)) * (right / size)
    x = 0.4 + ramp + contrast * (0.35 * disc - 0.3 * square) + rng.normal(0, 0.08, (rows, size, size))
    y = (disc + 2 * square)[..., None] if kinds == 2 else disc[..., None]
    task, units = ("multiclass", 3) if kinds == 2 else ("binary", 1)
    data = drawn(np.clip(x, 0, 1)[..., None].astype("float32"), y.astype("uint8"), task, units)
    if not weight:
        return data
    weights = np.where(data.train[1][..., 0] > 0, weight, 1.0).astype("float32")
    return replace(data, train=(*data.train, weights))


def masks_of_255(data: Data) -> Data:
    """Masks as a picture file holds them: 0 and 255."""
    return data.mapped(y=lambda y: (y * 255).astype("float32"))


def flipped_pictures(data: Data, share: float = 0.6) -> Data:
    """Training pictures that an augmentation has mirrored without their masks."""

    def flip(x: Array) -> Array:
        chosen = np.random.default_rng(2).random(len(x)) < share
        return np.where(chosen[:, None, None, None], x[:, ::-1, ::-1], x)

    return data.mapped(x=flip, splits=("train",))


def drawn_mask() -> Measure:
    """Dice of the foreground, whatever value the masks give it."""

    def score(_: Any, y: Array, p: Array) -> float:
        return overlap((y > 0).ravel(), predicted_classes(p, logits=False).ravel(), (1,))

    return Measure(score, lambda x, y: overlap((y > 0).ravel(), np.ones(y.size), (1,)))


def unet(
    data: Data,
    *,
    filters: tuple[int, ...] = (8, 16),
    norm: bool = False,
    skips: bool = True,
    out: str | None = None,
    rescale: float | None = None,
    axis: int | None = None,
) -> keras.Model:
    """Down and up again by pooling and upsampling, with `skips` across; `axis`: of a softmax as a layer of its own."""
    tensor = source = inputs(data)
    if rescale:
        tensor = layers.Rescaling(rescale)(tensor)
    across = []
    for channels in filters:
        tensor = convolved(tensor, channels, norm)
        across.append(tensor)
        tensor = layers.MaxPooling2D()(tensor)
    tensor = convolved(tensor, 2 * filters[-1], norm)
    for channels, side in zip(reversed(filters), reversed(across), strict=True):
        tensor = layers.UpSampling2D()(tensor)
        tensor = convolved(layers.Concatenate()([tensor, side]) if skips else tensor, channels, norm)
    if axis is not None:
        tensor = layers.Conv2D(data.units[0], 1)(tensor)
        return keras.Model(source, layers.Softmax(axis, name="output_1")(tensor), name="unet")
    last = layers.Conv2D(data.units[0], 1, activation=out or HEADS[data.tasks[0]], name="output_1")
    return keras.Model(source, last(tensor), name="unet")


def convolved(tensor: Any, channels: int, norm: bool) -> Any:
    """A convolution with ReLU."""
    tensor = layers.Conv2D(channels, 3, padding="same")(tensor)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(tensor) if norm else tensor)


def patches(data: Data) -> Array:
    """A forest on the 3 x 3 pixels around each pixel: probabilities (rows, size, size, units)."""
    from sklearn.ensemble import RandomForestClassifier

    def around(x: Array) -> Array:
        padded = np.pad(x[..., 0], ((0, 0), (1, 1), (1, 1)), mode="edge")
        size = x.shape[1]
        return np.stack([padded[:, a : a + size, b : b + size].ravel() for a in range(3) for b in range(3)], axis=1)

    x, y = data.train[:2]
    forest = RandomForestClassifier(30, max_samples=5000, random_state=0).fit(around(x), y.ravel())
    shares = np.asarray(forest.predict_proba(around(data.judged[0]))).reshape(*data.judged[0].shape[:3], -1)
    return shares if data.units[0] > 1 else shares[..., 1:]


UNET = Recipe(
    make(shapes), make(unet), ref.adam(5e-3), epochs=15, batch_size=16, measures=(make(dice),), baseline=make(patches)
)
SGD = replace(UNET, optimizer=ref.sgd(0.1, momentum=0.9), epochs=20)
SMALL = replace(UNET, data=make(shapes, contrast=0.4, radius=1.7, weight=20.0), epochs=15)
TWO_KINDS = replace(UNET, data=make(shapes, kinds=2), measures=(make(dice, classes=(1, 2)),))
DRAWN = replace(UNET, measures=(make(drawn_mask),))

SEGMENTATION = (
    sick(
        "unet-background-only",
        "segmentation",
        SMALL,
        {"class-imbalance", "weak-slice"},
        data=SMALL.data.but(weight=0.0),
    ),
    sick("unet-adam-x100", "segmentation", UNET, {"learning-rate-too-high"}, optimizer=ref.adam(0.5)),
    sick(
        "unet-pixels-0-255-sgd",
        "segmentation",
        SGD,
        {"inputs-not-scaled"},
        spoil=(make(times, factor=255.0),),
    ),
    sick(
        "unet-masks-0-255",
        "segmentation",
        DRAWN,
        {"bad-label-format", "output-range-mismatch", "wrong-loss", "targets-not-scaled"},
        hard=True,
        spoil=(make(masks_of_255),),
    ),
    sick(
        "unet-softmax-of-one-channel",
        "segmentation",
        UNET,
        {"single-unit-softmax"},
        hard=True,
        model=UNET.model.but(out="softmax"),
    ),
    sick(
        "unet-dev-masks-in-another-order",
        "segmentation",
        UNET,
        {"labels-not-paired", "labels-misaligned"},
        handed=(make(dev_in_another_order),),
    ),
    sick(
        "unet-pictures-flipped-without-masks",
        "segmentation",
        UNET,
        {"labels-not-paired", "labels-misaligned", "label-noise", "dev-unlike-train"},
        spoil=(make(flipped_pictures),),
    ),
    sick(
        "unet-sgd-1e-4",
        "segmentation",
        SGD,
        {"learning-rate-too-low", "undertrained"},
        optimizer=ref.sgd(1e-4),
    ),
    healthy("unet", "segmentation", UNET, epochs=30),
    healthy("unet-batch-norm", "segmentation", UNET, model=UNET.model.but(norm=True)),
    healthy("unet-two-kinds", "segmentation", TWO_KINDS),
    healthy("unet-dice-loss", "segmentation", UNET, loss=ref.loss(keras.losses.Dice)),
    healthy(
        "unet-small-objects-weighted", "segmentation", SMALL, data=SMALL.data.but(contrast=1.0, weight=5.0), epochs=30
    ),
    healthy(
        "unet-pixels-0-255-rescaled",
        "segmentation",
        UNET,
        epochs=30,
        spoil=(make(times, factor=255.0),),
        model=UNET.model.but(rescale=1 / 255),
    ),
    healthy("unet-sgd-momentum", "segmentation", SGD),
    # Appended, so that no case above changes its half.
    sick(
        "unet-softmax-over-rows",
        "segmentation",
        TWO_KINDS,
        {"output-range-mismatch"},
        model=TWO_KINDS.model.but(axis=1),
    ),
    sick(
        "unet-without-softmax",
        "segmentation",
        TWO_KINDS,
        {"logits-mismatch"},
        model=TWO_KINDS.model.but(out="linear"),
    ),
    healthy("unet-softmax-as-a-layer", "segmentation", TWO_KINDS, model=TWO_KINDS.model.but(axis=-1)),
)
