"""Embeddings: triplets and pairs with losses of their own. A collapsed one has a loss that stands at its margin."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tests.wards.data import Array, Data, Rows
from tests.wards.measures import Measure
from tests.wards.recipe import Case, Recipe, healthy, make, sick
from tests.wards.references import adam, sgd

# --- data: digits, moved by up to a pixel, so that pixels alone tell little of the class ----------


def moved_digits() -> Data:
    """Digits moved by up to one pixel, with noise. (rows, 64)"""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    moved = np.stack([np.roll(one, rng.integers(-1, 2, 2), (0, 1)) for one in (x / 16).reshape(-1, 8, 8)])
    x = np.clip(moved + rng.normal(0, 0.1, moved.shape), 0, 1).reshape(-1, 64).astype("float32")
    x_train, x_dev, y_train, y_dev = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
    return Data((x_train, y_train), (x_dev, y_dev), ("embedding",), (16,))


def _others(y: Array, first: Array, same: Array, rng: Any) -> Array:
    """For each row of `first` another one with the same class, or with a different one."""
    return np.array([rng.choice(np.flatnonzero((y == y[a]) == alike)) for a, alike in zip(first, same, strict=True)])


def triplets(top: float = 1.0) -> Data:
    """Anchor, positive, negative; the targets are zeros that no loss reads."""
    return _paired(lambda x, y, a, rng: _triplet(x, y, a, rng, top))


def _triplet(x: Array, y: Array, a: Array, rng: Any, top: float) -> Rows:
    yes = np.ones(len(a), bool)
    rows = (a, _others(y, a, yes, rng), _others(y, a, ~yes, rng))
    return tuple(x[row] * np.float32(top) for row in rows), np.zeros((len(a), 1), "float32")


def pairs() -> Data:
    """Two pictures; the target is 1 if they show the same digit."""
    return _paired(_pair)


def _pair(x: Array, y: Array, a: Array, rng: Any) -> Rows:
    same = rng.random(len(a)) < 0.5
    return (x[a], x[_others(y, a, same, rng)]), same[:, None].astype("float32")


def views() -> Data:
    """Two noisy views of the same picture; the targets are zeros that no loss reads."""
    return _paired(_view)


def _view(x: Array, y: Array, a: Array, rng: Any) -> Rows:
    seen = [np.clip(x[a] * (rng.random(x[a].shape) < 0.6) + rng.normal(0, 0.2, x[a].shape), 0, 1) for _ in "ab"]
    return tuple(view.astype("float32") for view in seen), np.zeros((len(a), 1), "float32")


def _paired(chosen: Any) -> Data:
    data, rng = moved_digits(), np.random.default_rng(1)
    train, dev = (
        chosen(*rows, rng.integers(0, len(rows[1]), count), rng)
        for rows, count in ((data.train, 1500), (data.judged, 500))
    )
    return Data(train, dev, data.tasks, data.units)


def inverted(data: Data) -> Data:
    """1 for different, 0 for the same: as the loss of another library wants it."""
    return data.mapped(y=lambda y: 1 - y)


def pixels_times(data: Data, factor: float) -> Data:
    """All inputs times a factor."""
    return data.mapped(x=lambda x: tuple(part * np.float32(factor) for part in x))


# --- networks -------------------------------------------------------------------------------------


def tower(width: int = 64, size: int = 16, out: str | None = None, unit: bool = False) -> keras.Model:
    """Picture -> embedding, of length one if `unit`."""
    source = keras.Input((64,))
    tensor = layers.Dense(width, "relu")(layers.Dense(width, "relu")(source))
    tensor = layers.Dense(size, out)(tensor)
    return keras.Model(source, layers.UnitNormalization()(tensor) if unit else tensor, name="tower")


def single(data: Data, **settings: Any) -> keras.Model:
    """The tower alone: the loss reads the labels."""
    return tower(**settings)


def side_by_side(data: Data, **settings: Any) -> keras.Model:
    """One tower for all inputs; their embeddings side by side."""
    shared, sources = tower(**settings), [keras.Input((64,)) for _ in data.train[0]]
    return keras.Model(sources, layers.Concatenate()([shared(source) for source in sources]), name="side_by_side")


def siamese(data: Data, **settings: Any) -> keras.Model:
    """One tower for two inputs; the distance of their embeddings."""
    shared, sources = tower(**settings), [keras.Input((64,)) for _ in data.train[0]]
    return keras.Model(sources, Distance()([shared(source) for source in sources]), name="siamese")


@keras.saving.register_keras_serializable("wards")
class Distance(layers.Layer):
    """Euclidean distance of two embeddings. (rows, 1)"""

    def call(self, both: Any) -> Any:
        squared = ops.sum((both[0] - both[1]) ** 2, axis=1, keepdims=True)
        return ops.sqrt(ops.maximum(squared, 1e-7))


# --- losses ---------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("wards")
class TripletLoss(keras.losses.Loss):
    """max(0, anchor to positive - anchor to negative + margin), squared distances, of three embeddings side by side."""

    def __init__(self, margin: float = 0.5, **settings: Any) -> None:
        super().__init__(**settings)
        self.margin = margin

    def call(self, y_true: Any, y_pred: Any) -> Any:
        anchor, positive, negative = ops.split(y_pred, 3, axis=1)
        apart = ops.sum((anchor - positive) ** 2, 1) - ops.sum((anchor - negative) ** 2, 1)
        return ops.maximum(apart + self.margin, 0.0)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"margin": self.margin}


@keras.saving.register_keras_serializable("wards")
class BatchTriplets(keras.losses.Loss):
    """Mean triplet loss over all triplets of a batch; the targets are class labels."""

    def __init__(self, margin: float = 0.5, sign: float = 1.0, **settings: Any) -> None:
        super().__init__(**settings)
        self.margin, self.sign = margin, sign

    def call(self, y_true: Any, y_pred: Any) -> Any:
        labels = ops.reshape(y_true, (-1, 1))
        same = ops.cast(labels == ops.transpose(labels), y_pred.dtype)
        squared = ops.sum((y_pred[:, None] - y_pred[None]) ** 2, axis=2)
        valid = same[:, :, None] * (1 - same[:, None, :])
        apart = self.sign * (squared[:, :, None] - squared[:, None, :])
        return ops.sum(valid * ops.maximum(apart + self.margin, 0.0)) / ops.maximum(ops.sum(valid), 1.0)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"margin": self.margin, "sign": self.sign}


@keras.saving.register_keras_serializable("wards")
def contrastive_loss(y_true: Any, y_pred: Any) -> Any:
    """Pulls pairs with target 1 together and pushes the others to a distance of 1."""
    y_true = ops.cast(y_true, y_pred.dtype)
    return ops.mean(y_true * y_pred**2 + (1 - y_true) * ops.maximum(1.0 - y_pred, 0.0) ** 2, axis=-1)


def contrastive() -> Any:
    """The contrastive loss as a plain function, as most people write it."""
    return contrastive_loss


@keras.saving.register_keras_serializable("wards")
class InfoNce(keras.losses.Loss):
    """Each embedding must find its other view among those of the batch. Its floor is not 0."""

    def __init__(self, temperature: float = 0.2, **settings: Any) -> None:
        super().__init__(**settings)
        self.temperature = temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        one, other = (ops.normalize(half, axis=1) for half in ops.split(y_pred, 2, axis=1))
        logits = one @ ops.transpose(other) / self.temperature
        right = ops.arange(ops.shape(logits)[0])
        return keras.losses.sparse_categorical_crossentropy(right, logits, from_logits=True)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"temperature": self.temperature}


# --- measures -------------------------------------------------------------------------------------


def triplets_right() -> Measure:
    """Share of the triplets whose positive is nearer than the negative, by at least a thousandth of the mean length."""

    def score(_: Any, __: Any, p: Any) -> float:
        anchor, positive, negative = np.split(np.nan_to_num(p), 3, axis=1)
        near, far = ((anchor - positive) ** 2).sum(1), ((anchor - negative) ** 2).sum(1)
        return float(np.mean(far - near > 1e-3 * (anchor**2).sum(1).mean()))

    return Measure(score, lambda x, y: 0.5)


def same_before_different(most: int = 300) -> Measure:
    """Area under the ROC curve: pairs of one class against pairs of two, by distance; of the first `most` rows."""

    def score(_: Any, y: Any, p: Any) -> float:
        y, p = y[:most], p[:most]
        squared = ((p[:, None] - p[None]) ** 2).sum(2)
        upper = np.triu_indices(len(y), 1)
        return ranked((y[:, None] == y[None])[upper], -squared[upper])

    return Measure(score, lambda x, y: 0.5)


def pairs_ranked() -> Measure:
    """Area under the ROC curve of the distance."""
    return Measure(lambda x, y, p: ranked(y.ravel() == 1, -p.ravel()), lambda x, y: 0.5)


def views_found(most: int = 300) -> Measure:
    """Area under the ROC curve: similarity to the own other view against that to others'; of the first `most` rows."""

    def score(_: Any, __: Any, p: Any) -> float:
        one, other = (half / np.linalg.norm(half, axis=1, keepdims=True) for half in np.split(p[:most], 2, axis=1))
        return ranked(np.eye(len(one), dtype=bool).ravel(), (one @ other.T).ravel())

    return Measure(score, lambda x, y: 0.5)


def ranked(positive: Array, scores: Array) -> float:
    """Area under the ROC curve, without scikit-learn's checks, which take longer; 0.5 for what is not finite."""
    from scipy.stats import rankdata

    if not np.isfinite(scores).all():
        return 0.5
    n, m = int(positive.sum()), int((~positive).sum())
    return float((rankdata(np.round(scores, 6))[positive].sum() - n * (n + 1) / 2) / (n * m))


def pixels(data: Data, distance: bool = False) -> Array:
    """The pixels as embedding, which a trained one must not fall behind."""
    x = data.judged[0]
    if distance:
        return np.linalg.norm(x[0] - x[1], axis=1, keepdims=True)
    return np.concatenate(x, axis=1) if isinstance(x, tuple) else np.asarray(x)


# --- cases ----------------------------------------------------------------------------------------

RATE = {"learning-rate-too-high", "collapsed-outputs"}

TRIPLETS = Recipe(
    make(triplets), make(side_by_side), adam(), make(TripletLoss), epochs=12,
    measures=(make(triplets_right),), baseline=make(pixels),
)  # fmt: skip
LABELS = Recipe(
    make(moved_digits), make(single, unit=True), adam(2e-3), make(BatchTriplets), epochs=15,
    measures=(make(same_before_different),), baseline=make(pixels),
)  # fmt: skip
PAIRS = Recipe(
    make(pairs), make(siamese), adam(2e-3), make(contrastive), epochs=15,
    measures=(make(pairs_ranked),), baseline=make(pixels, distance=True),
)  # fmt: skip
VIEWS = Recipe(
    make(views), make(side_by_side), adam(2e-3), make(InfoNce), epochs=15, batch_size=64,
    measures=(make(views_found),), baseline=make(pixels),
)  # fmt: skip

EMBEDDING: tuple[Case, ...] = (
    sick("triplets-adam-x100", "embedding", TRIPLETS, RATE, optimizer=adam(0.1)),
    sick(
        "pairs-labels-inverted",
        "embedding",
        PAIRS,
        {"bad-label-format", "wrong-loss", "labels-misaligned", "labels-not-paired"},
        spoil=(make(inverted),),
    ),
    sick(
        "labels-margin-0",
        "embedding",
        LABELS,
        {"collapsed-outputs", "wrong-loss"},
        loss=make(BatchTriplets, margin=0.0),
    ),
    sick(
        "triplets-pixels-0-255-sgd",
        "embedding",
        TRIPLETS,
        {"inputs-not-scaled"},
        optimizer=sgd(0.1),
        spoil=(make(pixels_times, factor=255.0),),
    ),
    sick("labels-wrong-sign", "embedding", LABELS, {"wrong-loss"}, loss=make(BatchTriplets, sign=-1.0)),
    sick("pairs-adam-x100", "embedding", PAIRS, RATE, optimizer=adam(0.2)),
    sick("views-adam-1e-6", "embedding", VIEWS, {"learning-rate-too-low", "undertrained"}, optimizer=adam(1e-6)),
    healthy("triplets", "embedding", TRIPLETS),
    healthy("labels-batch-triplets", "embedding", LABELS),
    healthy("pairs-contrastive", "embedding", PAIRS),
    healthy("views-info-nce", "embedding", VIEWS),
    healthy(
        "triplets-of-length-one",
        "embedding",
        TRIPLETS,
        model=make(side_by_side, unit=True),
        loss=make(TripletLoss, margin=0.3),
    ),
    healthy("triplets-sgd", "embedding", TRIPLETS, optimizer=sgd(0.1)),
)
