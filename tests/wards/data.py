"""The data of the wards: from scikit-learn, generated, and real datasets in a folder beside the checkout.

The text of a function here is part of the key of every cached training that uses it, docstring included.
"""

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Rows = tuple[Any, Any]  # inputs and targets, each an array, or a tuple of them where there are several

EXTRA = Path(os.environ.get("DIAGNOSE_EXTRA_DATA", Path(__file__).parents[3] / "shared" / "data"))
BOTH = ("train", "dev")


class AbsentError(Exception):
    """A data set that is not on this machine; its cases are skipped with this reason."""


@dataclass(frozen=True)
class Data:
    """The rows of one case.

    Args:
        train, dev: inputs and targets; `dev` is None where the case has train rows only.
        tasks: per output "binary", "multiclass", "multilabel" or "regression".
        units: per output the natural number of output units.
        vocabulary: number of token ids, where the inputs are tokens.
        code: size of the code of an autoencoder, whose target is its input.
    """

    train: Rows
    dev: Rows | None
    tasks: tuple[str, ...]
    units: tuple[int, ...]
    vocabulary: int | None = None
    code: int | None = None

    @property
    def judged(self) -> Rows:
        """The rows that scores are taken on: dev, or train where there is none."""
        return self.train if self.dev is None else self.dev

    def mapped(
        self,
        x: Callable[[Any], Any] | None = None,
        y: Callable[[Any], Any] | None = None,
        splits: tuple[str, ...] = BOTH,
    ) -> "Data":
        """A copy with a function applied to the inputs or the targets of some splits."""

        def change(rows: Rows) -> Rows:
            return (x(rows[0]) if x else rows[0], y(rows[1]) if y else rows[1])

        train = change(self.train) if "train" in splits else self.train
        dev = change(self.dev) if self.dev is not None and "dev" in splits else self.dev
        return replace(self, train=train, dev=dev)


def split(x: Array, y: Array, task: str, units: int, share: float = 0.3) -> Data:
    """Train and dev by a seeded draw, stratified for classes; `share` goes to dev."""
    from sklearn.model_selection import train_test_split

    stratify = y if task in ("binary", "multiclass") else None
    x_train, x_dev, y_train, y_dev = train_test_split(x, y, test_size=share, random_state=0, stratify=stratify)
    return Data((x_train, y_train), (x_dev, y_dev), (task,), (units,))


# --- datasets of scikit-learn -------------------------------------------------------------------


def digits(layout: str = "flat", top: float = 1.0) -> Data:
    """1,797 digits of 8 x 8 pixels between 0 and `top`, as "flat", "image" or "rows" (a sequence of 8 rows)."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    shape = {"flat": (64,), "image": (8, 8, 1), "rows": (8, 8)}[layout]
    return split((x * top / 16).astype("float32").reshape(-1, *shape), y.astype("int64"), "multiclass", 10)


def digit_traits() -> Data:
    """Digits with three labels each: even, five or more, has a closed loop."""
    data = digits()

    def traits(y: Array) -> Array:
        return np.stack([y % 2 == 0, y >= 5, np.isin(y, (0, 6, 8, 9))], axis=1).astype("float32")

    return replace(data.mapped(y=traits), tasks=("multilabel",), units=(3,))


def digit_and_ink() -> Data:
    """Digits with two outputs: the class, and the standardised mean brightness."""
    data = digits()
    brightness = data.train[0].mean(axis=1)

    def both(rows: Rows) -> Rows:
        ink = (rows[0].mean(axis=1, keepdims=True) - brightness.mean()) / brightness.std()
        return rows[0], (rows[1], ink.astype("float32"))

    return replace(
        data, train=both(data.train), dev=both(data.judged), tasks=("multiclass", "regression"), units=(10, 1)
    )


def digit_halves() -> Data:
    """Digits with two inputs: the upper and the lower half."""
    return digits().mapped(x=lambda x: (x[:, :32], x[:, 32:]))


def reconstruction(code: int = 16) -> Data:
    """Digits as their own targets."""
    data = digits()
    train, dev = (data.train[0], data.train[0]), (data.judged[0], data.judged[0])
    return replace(data, train=train, dev=dev, tasks=("regression",), units=(64,), code=code)


def table(name: str, standardised: bool = True) -> Data:
    """scikit-learn's "wine", "iris", "breast_cancer" or "diabetes" (its target standardised with the inputs)."""
    from sklearn import datasets

    raw = {"scaled": False} if name == "diabetes" else {}
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True, **raw)
    data = _tabular(x, y, regression=name == "diabetes")
    return standard(data) if standardised else data


def _tabular(x: Array, y: Array, regression: bool = False) -> Data:
    if regression:
        return split(x.astype("float32"), y.astype("float32").reshape(-1, 1), "regression", 1)
    classes = int(y.max()) + 1
    task = "binary" if classes == 2 else "multiclass"
    return split(x.astype("float32"), y.astype("int64"), task, 1 if classes == 2 else classes)


# --- generated datasets -------------------------------------------------------------------------


def friedman(rows: int = 1500, standardised: bool = True) -> Data:
    """Ten uniform features, five of which make a smooth non-linear target (14 +- 5) with a little noise."""
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(rows, noise=0.5, random_state=0)
    data = _tabular(x, y, regression=True)
    return standard(data) if standardised else data


def moons(rows: int = 600, noise: float = 0.15) -> Data:
    """Two interleaved half circles in the plane."""
    from sklearn.datasets import make_moons

    return _tabular(*make_moons(rows, noise=noise, random_state=0))


def circles(rows: int = 600) -> Data:
    """A disc inside a ring: no straight line helps."""
    from sklearn.datasets import make_circles

    return _tabular(*make_circles(rows, noise=0.08, factor=0.5, random_state=0))


def xor(rows: int = 4) -> Data:
    """Exclusive or: the four rows of the textbook and no dev set, or more of them with noise and a dev set."""
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    if rows == 4:
        return Data((corners, np.array([0, 1, 1, 0])), None, ("binary",), (1,))
    rng = np.random.default_rng(0)
    x = corners[rng.integers(0, 4, rows)]
    y = x[:, 0] != x[:, 1]
    return _tabular(x + rng.normal(0, 0.15, x.shape), y)


def faint(rows: int = 3000, strength: float = 0.15) -> Data:
    """Twenty normal features of which five move the odds a little: nobody gets far beyond 55 % right."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 20))
    odds = strength * x[:, :5].sum(axis=1)
    return _tabular(x, rng.random(rows) < 1 / (1 + np.exp(-odds)))


def rare(rows: int = 2000, share: float = 0.2, apart: float = 2.0) -> Data:
    """Two clouds in ten dimensions, `apart` standard deviations away from each other; `share` are positive."""
    rng = np.random.default_rng(0)
    y = rng.random(rows) < share
    x = rng.normal(size=(rows, 10))
    x[:, :4] += apart / 2 * y[:, None]
    return _tabular(x, y)


def waves(rows: int = 1200, steps: int = 24) -> Data:
    """Noisy waves of three frequencies with random phase: the class is the frequency. (rows, steps, 1)"""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, rows)
    time = np.linspace(0, 2 * np.pi, steps)
    x = np.sin(time * (1.0 + y[:, None]) + rng.uniform(0, 2 * np.pi, (rows, 1))) + rng.normal(0, 0.3, (rows, steps))
    return split(x[..., None].astype("float32"), y, "multiclass", 3)


def echo(rows: int = 1200, steps: int = 16) -> Data:
    """Random sequences whose target is a running sum of the last steps, forgetting slowly. (rows, steps, 1)"""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, steps))
    y = (x * 0.8 ** np.arange(steps)[::-1]).sum(axis=1)
    y = (y - y.mean()) / y.std() + rng.normal(0, 0.1, rows)
    return split(x[..., None].astype("float32"), y[:, None].astype("float32"), "regression", 1)


def sentences(rows: int = 1500, words: int = 20, vocabulary: int = 300) -> Data:
    """Token sequences about one of three topics: each topic prefers its own tenth of the vocabulary."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, rows)
    common = rng.integers(1, vocabulary, (rows, words))
    topical = 1 + y[:, None] * (vocabulary // 10) + rng.integers(0, vocabulary // 10, (rows, words))
    x = np.where(rng.random((rows, words)) < 0.25, topical, common)
    return replace(split(x.astype("int32"), y, "multiclass", 3), vocabulary=vocabulary)


def codes(rows: int = 1500, columns: int = 6, levels: int = 8) -> Data:
    """Categorical columns as one-hot inputs; two of them and their combination decide the class."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, levels, (rows, columns))
    y = (rng.permutation(levels * levels) % 3)[x[:, 0] * levels + x[:, 1]]
    return split(np.eye(levels, dtype="float32")[x].reshape(rows, -1), y, "multiclass", 3)


# --- real datasets beside the checkout ----------------------------------------------------------


def pictures(name: str = "fashion_mnist", layout: str = "image", rows: int = 3000, top: float = 1.0) -> Data:
    """Fashion-MNIST or MNIST: the first `rows` training pictures and 1,000 test pictures, between 0 and `top`."""
    with np.load(_extra(f"{name}.npz")) as arrays:
        pick = {"x_train": rows, "y_train": rows, "x_test": 1000, "y_test": 1000}
        part = {key: arrays[key][:count] for key, count in pick.items()}
    shape = (28, 28, 1) if layout == "image" else (784,)

    def pixels(x: Array) -> Array:
        return (x.astype("float32") * top / 255).reshape(-1, *shape)

    train = pixels(part["x_train"]), part["y_train"].astype("int64").ravel()
    return Data(train, (pixels(part["x_test"]), part["y_test"].astype("int64").ravel()), ("multiclass",), (10,))


def pima() -> Data:
    """Diabetes among 768 Pima women, 8 numbers each, standardised."""
    rows = np.loadtxt(_extra("pima/pima-indians-diabetes.csv"), delimiter=",")
    return standard(_tabular(rows[:, :-1], rows[:, -1]))


def adult(rows: int = 4000) -> Data:
    """Census income: the six numeric columns, capital as logarithm, standardised; 24 % earn more than 50K."""
    with _extra("adult/train.csv").open(newline="") as file:
        table = [row for row in csv.reader(file, skipinitialspace=True) if len(row) == 15][:rows]
    x = np.array([[float(row[column]) for column in (0, 2, 4, 10, 11, 12)] for row in table])
    x[:, 3:5] = np.log1p(x[:, 3:5])
    return standard(_tabular(x, np.array([row[-1].startswith(">50K") for row in table])))


def cars() -> Data:
    """Miles per gallon of 392 cars by their nine other columns; inputs and target standardised."""
    with _extra("autompg/auto-mpg.csv").open(newline="") as file:
        table = list(csv.reader(file))[1:]
    numbers = np.array([[float(cell) for cell in row] for row in table if "?" not in row])
    return standard(_tabular(numbers[:, 1:], numbers[:, 0], regression=True))


def reviews(words: int = 200, vocabulary: int = 4000) -> Data:
    """2,000 film reviews as token ids of their first words; 0 pads, 1 stands for rarer words."""
    from collections import Counter

    folder = _extra("movie_review_polarity/txt_sentoken")
    texts, labels = [], []
    for label, kind in enumerate(("neg", "pos")):
        for file in sorted((folder / kind).glob("*.txt")):
            texts.append([word for word in file.read_text("utf-8", "replace").split() if word.isalpha()])
            labels.append(label)
    counts = Counter(word for text in texts for word in text)
    ids = {word: number + 2 for number, (word, _) in enumerate(counts.most_common(vocabulary - 2))}
    x = np.zeros((len(texts), words), "int32")
    for row, text in enumerate(texts):
        tokens = [ids.get(word, 1) for word in text[-words:]]
        x[row, : len(tokens)] = tokens
    return replace(split(x, np.array(labels), "binary", 1), vocabulary=vocabulary)


def _extra(path: str) -> Path:
    if not (EXTRA / path).exists():
        raise AbsentError(f"{path} is not in the folder of extra data sets (DIAGNOSE_EXTRA_DATA)")
    return EXTRA / path


# --- changes to the data -------------------------------------------------------------------------


def standard(data: Data) -> Data:
    """Inputs with mean 0 and standard deviation 1 by the train rows; the same for numeric targets."""
    x, y = data.train

    def like(rows: Any) -> Callable[[Any], Any]:
        mean, std = rows.mean(axis=0), rows.std(axis=0)
        return lambda values: ((values - mean) / np.where(std > 0, std, 1)).astype("float32")

    return data.mapped(x=like(x), y=like(y) if data.tasks == ("regression",) else None)


def multiplied(data: Data, factor: float = 255.0, column: int | None = None, splits: tuple[str, ...] = BOTH) -> Data:
    """All inputs, or one column of them, times `factor`."""
    scale: Any = factor
    if column is not None:
        scale = np.ones(data.train[0].shape[-1], "float32")
        scale[column] = factor
    return data.mapped(x=lambda x: x * scale, splits=splits)


def moved_targets(data: Data, factor: float = 1.0, shift: float = 0.0) -> Data:
    """Targets times `factor` plus `shift`."""
    return data.mapped(y=lambda y: (y * factor + shift).astype(y.dtype))


def rolled_targets(data: Data, rows: int = 1) -> Data:
    """Targets that belong to another row: a join that slipped."""
    return data.mapped(y=lambda y: np.roll(y, rows, axis=0))


def random_targets(data: Data, share: float = 1.0, splits: tuple[str, ...] = BOTH) -> Data:
    """A share of the targets exchanged among each other."""

    def exchange(y: Array) -> Array:
        rng = np.random.default_rng(1)
        chosen = np.flatnonzero(rng.random(len(y)) < share)
        y = y.copy()
        y[chosen] = y[rng.permutation(chosen)]
        return y

    return data.mapped(y=exchange, splits=splits)


def random_inputs(data: Data) -> Data:
    """Noise in place of the inputs: nothing to learn."""
    return data.mapped(x=lambda x: np.random.default_rng(len(x)).normal(size=x.shape).astype("float32"))


def first_rows(data: Data, rows: int = 100) -> Data:
    """Few training rows; the dev set stays."""
    return replace(data, train=(data.train[0][:rows], data.train[1][:rows]))


def without_classes(data: Data, classes: tuple[int, ...] = (7, 8, 9)) -> Data:
    """Training rows of some classes left out; the dev set keeps them."""
    x, y = data.train
    return replace(data, train=(x[~np.isin(y, classes)], y[~np.isin(y, classes)]))


def holes(data: Data, cells: int = 5) -> Data:
    """A few cells of the training inputs that are not a number."""

    def punch(x: Array) -> Array:
        x = x.copy()
        x.reshape(-1)[np.random.default_rng(0).choice(x.size, cells, replace=False)] = np.nan
        return x

    return data.mapped(x=punch, splits=("train",))


def one_hot(data: Data) -> Data:
    """Class labels as one column per class."""
    return data.mapped(y=lambda y: np.eye(data.units[0], dtype="float32")[y])


def class_numbers(data: Data) -> Data:
    """One column per class as class labels again."""
    return data.mapped(y=lambda y: y.argmax(axis=1))


def labels_from_one(data: Data) -> Data:
    """Class labels that count from one."""
    return data.mapped(y=lambda y: y + 1)


def labels_reversed(data: Data) -> Data:
    """Class labels counted from the other end."""
    return data.mapped(y=lambda y: max(data.units[0], 2) - 1 - y)


def extra_columns(data: Data, columns: int = 300) -> Data:
    """Columns of noise beside the real ones."""

    def widen(x: Array) -> Array:
        noise = np.random.default_rng(len(x)).normal(size=(len(x), columns))
        return np.concatenate([x, noise], axis=1).astype("float32")

    return data.mapped(x=widen)


def easier_dev(data: Data, share: float = 0.1) -> Data:
    """Some wrong labels in train and none in dev: dev scores are the better ones."""
    return random_targets(data, share, splits=("train",))


def sorted_cut(data: Data, share: float = 0.3) -> Data:
    """All rows in the order of their first target; dev is the end, as `validation_split` cuts it off."""
    x = np.concatenate([data.train[0], data.judged[0]])
    y = np.concatenate([data.train[1], data.judged[1]])
    order = y.reshape(len(y), -1)[:, 0].argsort(kind="stable")
    cut = round((1 - share) * len(y))
    return replace(data, train=(x[order[:cut]], y[order[:cut]]), dev=(x[order[cut:]], y[order[cut:]]))


def brighter(data: Data, factor: float = 0.5, shift: float = 0.5, splits: tuple[str, ...] = ("dev",)) -> Data:
    """Pictures from another camera: paler and brighter."""
    return data.mapped(x=lambda x: (x * factor + shift).astype("float32"), splits=splits)


def turned_classes(data: Data, splits: tuple[str, ...] = ("dev",)) -> Data:
    """Class numbers in another order, as from a list of folders in another order."""
    return data.mapped(y=lambda y: (y + 1) % data.units[0], splits=splits)


def moving_average(rows: int = 1000, window: int = 3) -> Data:
    """A series of random steps; the target is their mean over the last steps, of which a row holds one. (rows, 1, 1)"""
    x = np.random.default_rng(0).normal(size=rows + window)
    y = np.array([x[i - window + 1 : i + 1].sum() for i in range(window, rows + window)])
    x, y = x[window:, None, None].astype("float32"), y[:, None].astype("float32")
    cut = round(0.7 * rows)
    return Data((x[:cut], y[:cut]), (x[cut:], y[cut:]), ("regression",), (1,))
