"""Made data for the comparison of remedies: functions that return all rows of a kind, the same ones in every call."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.tree import DecisionTreeClassifier

Rows = tuple[NDArray[Any], NDArray[Any]]  # x, y


def digits(wrong: float = 0.0) -> Callable[[], Rows]:
    def make() -> Rows:
        x, y = datasets.load_digits(return_X_y=True)
        draw = np.random.default_rng(1)
        x, y = np.tile(x, (2, 1)), np.tile(y, 2)  # the second half under noise, so that no row is there twice
        x = x / 16 + np.where(np.arange(len(x))[:, None] < len(x) // 2, 0.0, 0.15) * draw.normal(size=x.shape)
        swapped = draw.random(len(y)) < wrong
        return x.reshape(-1, 8, 8, 1).astype("float32"), np.where(swapped, draw.integers(0, 10, len(y)), y)

    return make


def table(features: int = 30, informative: int = 8, wrong: float = 0.05, classes: int = 3) -> Callable[[], Rows]:
    def make() -> Rows:
        x, y = datasets.make_classification(
            6000, features, n_informative=informative, n_redundant=4, n_classes=classes, flip_y=wrong, random_state=0
        )
        return x.astype("float32"), y

    return make


def numbers(noise: float = 1.0) -> Callable[[], Rows]:
    def make() -> Rows:
        x, y = datasets.make_friedman1(6000, 10, noise=noise, random_state=0)
        return x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

    return make


def waves(noise: float = 0.8) -> Callable[[], Rows]:
    """Sines of three frequencies under noise, [rows, 40, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        y = draw.integers(0, 3, 4000)
        time = np.arange(40)[None, :]
        clean = np.sin((0.2 + 0.12 * y[:, None]) * time + draw.uniform(0, 6.28, (4000, 1)))
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def texts(words: int = 400, length: int = 20) -> Callable[[], Rows]:
    """Rows of tokens of four topics, each with its own frequent words, [rows, length]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        topics = draw.dirichlet(np.full(words, 0.3), 4)
        mixed = 0.35 * topics + 0.65 * topics.mean(axis=0)
        y = draw.integers(0, 4, 4000)
        return np.stack([draw.choice(words, length, p=mixed[label]) for label in y]).astype("int32"), y

    return make


def shapes(noise: float = 0.4) -> Callable[[], Rows]:
    """Images of a disc, a square, a ring or a cross at any place, under noise, [rows, 12, 12, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        y = draw.integers(0, 4, 5000)
        down, across = (np.arange(12)[None, :] - draw.uniform(3.5, 7.5, (5000, 1)) for _ in range(2))
        far = np.hypot(down[:, :, None], across[:, None, :])
        widest = np.maximum(np.abs(down)[:, :, None], np.abs(across)[:, None, :])
        narrowest = np.minimum(np.abs(down)[:, :, None], np.abs(across)[:, None, :])
        kinds = np.stack([far < 3, widest < 2.7, (far < 3.4) & (far > 1.8), (narrowest < 0.9) & (widest < 3.4)])
        clean = kinds[y, np.arange(5000)]
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def shells(features: int = 8, noise: float = 0.1) -> Callable[[], Rows]:
    """Points around the origin; the class is the shell that they lie in, with some wrong labels."""

    def make() -> Rows:
        x, y = datasets.make_gaussian_quantiles(n_samples=6000, n_features=features, n_classes=3, random_state=0)
        draw = np.random.default_rng(0)
        return x.astype("float32"), np.where(draw.random(len(y)) < noise, draw.integers(0, 3, len(y)), y)

    return make


def impedance(scaled: bool = True) -> Callable[[], Rows]:
    """The second regression problem of Friedman, whose columns are of four orders of magnitude."""

    def make() -> Rows:
        x, y = datasets.make_friedman2(6000, noise=100.0, random_state=0)
        x = (x - x.mean(axis=0)) / x.std(axis=0) if scaled else x
        return x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

    return make


def bumps(noise: float = 0.5) -> Callable[[], Rows]:
    """A wide and a narrow bump; the class tells which comes first, and how far apart they are, [rows, 32, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        first, apart = draw.uniform(4, 12, (5000, 1)), draw.uniform(6, 16, (5000, 1))
        turned = draw.random((5000, 1)) < 0.5
        time = np.arange(32)[None, :]
        wide, narrow = np.where(turned, first + apart, first), np.where(turned, first, first + apart)
        clean = np.exp(-(((time - wide) / 3) ** 2)) + np.exp(-((time - narrow) ** 2))
        y = turned[:, 0] + 2 * (apart[:, 0] > 11)
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y.astype(int)

    return make


def walks(length: int = 24, noise: float = 0.3) -> Callable[[], Rows]:
    """Noisy walks that turn back to their mean; the target is their value three steps later."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        steps = draw.normal(size=(6000, length + 3))
        walk = np.zeros_like(steps)
        for time in range(1, length + 3):
            walk[:, time] = 0.9 * walk[:, time - 1] - 0.3 * walk[:, time - 2] * (time > 1) + steps[:, time]
        seen = walk[:, :length] + noise * draw.normal(size=(6000, length))
        y = walk[:, -1] + walk[:, length - 2] * walk[:, length - 6] / 4
        return seen[..., None].astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

    return make


def phrases(words: int = 200, length: int = 16) -> Callable[[], Rows]:
    """Rows of tokens; the class is the sign of the sum of the words' weights, and a "not" turns that of the next."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        x = draw.integers(1, words, (5000, length))
        x[draw.random(x.shape) < 0.15] = 1
        weight = draw.normal(size=words) * (draw.random(words) < 0.5)
        weight[1] = 0
        turned = np.concatenate([np.zeros((5000, 1), bool), x[:, :-1] == 1], axis=1)
        total = (np.where(turned, -1, 1) * weight[x]).sum(axis=1)
        return x.astype("int32"), (total + 0.3 * draw.normal(size=5000) > 0).astype(int)

    return make


def gratings(noise: float = 0.8, angles: int = 5) -> Callable[[], Rows]:
    """Images of stripes of any width and phase, under noise; the class is their angle, [rows, 12, 12, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        y = draw.integers(0, angles, 5000)
        angle = np.pi * (y + draw.uniform(-0.3, 0.3, 5000)) / angles
        down, across = np.mgrid[:12, :12]
        along = np.cos(angle)[:, None, None] * down + np.sin(angle)[:, None, None] * across
        wave = draw.uniform(0.8, 1.6, (5000, 1, 1)) * along + draw.uniform(0, 2 * np.pi, (5000, 1, 1))
        return (np.sin(wave) + noise * draw.normal(size=wave.shape))[..., None].astype("float32"), y

    return make


def dots(noise: float = 0.3) -> Callable[[], Rows]:
    """Images with one to four dots, which the class counts, under noise, [rows, 14, 14, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        y = draw.integers(0, 4, 5000)
        down, across = np.mgrid[:14, :14]
        at = draw.uniform(1, 12, (5000, 4, 2))
        far = np.hypot(down - at[:, :, :1, None], across - at[:, :, 1:, None])
        there = (np.arange(4) <= y[:, None])[:, :, None, None]
        clean = (np.exp(-((far / 1.2) ** 2)) * there).max(axis=1)
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def squares(wrong: float = 0.0) -> Callable[[], Rows]:
    """Ten columns; the class tells whether the sum of their squares is large (Hastie et al. 2009, 10.2)."""

    def make() -> Rows:
        x, y = datasets.make_hastie_10_2(6000, random_state=0)
        draw = np.random.default_rng(0)
        return x.astype("float32"), np.where(draw.random(len(y)) < wrong, draw.integers(0, 2, len(y)), y > 0).astype(
            int
        )

    return make


def clusters(classes: int = 4, columns: int = 12, spread: float = 1.0) -> Callable[[], Rows]:
    """Five clusters of points for each class, under noise."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        centres = 1.3 * draw.normal(size=(classes, 5, columns))
        y, which = draw.integers(0, classes, 6000), draw.integers(0, 5, 6000)
        return (centres[y, which] + spread * draw.normal(size=(6000, columns))).astype("float32"), y

    return make


def angles(noise: float = 0.1, scaled: bool = True) -> Callable[[], Rows]:
    """The third regression problem of Friedman."""

    def make() -> Rows:
        x, y = datasets.make_friedman3(6000, noise=noise, random_state=0)
        x = (x - x.mean(axis=0)) / x.std(axis=0) if scaled else x
        return x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

    return make


def products(columns: int = 16, noise: float = 0.3) -> Callable[[], Rows]:
    """Columns of which six matter: two products, a wave and a step; the others are noise."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        x = draw.normal(size=(6000, columns))
        y = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + (x[:, 3] > 0) - x[:, 4] * np.abs(x[:, 5])
        y = y + noise * draw.normal(size=6000)
        return x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

    return make


def chirps(noise: float = 1.0) -> Callable[[], Rows]:
    """Tones that rise, fall or stay, under noise, [rows, 48, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        y = draw.integers(0, 3, 5000)
        time = np.arange(48)[None, :]
        bend = (y - 1)[:, None] * draw.uniform(0.002, 0.006, (5000, 1))
        phase = draw.uniform(0.3, 0.7, (5000, 1)) * time + bend * time**2 / 2
        clean = np.sin(phase + draw.uniform(0, 2 * np.pi, (5000, 1)))
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def echoes(noise: float = 0.5) -> Callable[[], Rows]:
    """Noise in one channel that comes again in the other; the class is the delay, [rows, 30, 2]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        y = draw.integers(0, 4, 5000)
        sound = draw.normal(size=(5000, 40))
        at = np.arange(30)[None, :] + 8
        both = np.stack([sound[:, 8:38], np.take_along_axis(sound, at - 2 * y[:, None], axis=1)], axis=2)
        return (both + noise * draw.normal(size=both.shape)).astype("float32"), y

    return make


def maps(length: int = 16, noise: float = 0.05) -> Callable[[], Rows]:
    """Noisy values of a chaotic map; the target is its value two steps later, [rows, length, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        value, seen = draw.uniform(0.1, 0.9, 6000), []
        for _ in range(length + 2):
            value = 3.7 * value * (1 - value)
            seen.append(value)
        rows = np.stack(seen, axis=1)
        x = rows[:, :length] + noise * draw.normal(size=(6000, length))
        y = rows[:, -1]
        return (4 * x[..., None] - 2).astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

    return make


def votes(words: int = 300, length: int = 24) -> Callable[[], Rows]:
    """Rows of tokens; the class is the group of words that occurs most often, [rows, length]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        group = draw.integers(0, 6, words)  # three of them count
        x = draw.integers(0, words, (5000, length))
        counts = np.stack([(group[x] == one).sum(axis=1) for one in range(3)], axis=1)
        return x.astype("int32"), (counts + 0.1 * draw.random(counts.shape)).argmax(axis=1)

    return make


def orders(words: int = 60, length: int = 14) -> Callable[[], Rows]:
    """Rows of tokens; the class tells which of two kinds of words comes first, [rows, length]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        x = draw.integers(20, words, (5000, length))
        places = np.argsort(draw.random((5000, length)), axis=1)[:, :2]
        x[np.arange(5000), places[:, 0]] = draw.integers(0, 10, 5000)
        x[np.arange(5000), places[:, 1]] = draw.integers(10, 20, 5000)
        y = places[:, 0] < places[:, 1]
        return x.astype("int32"), np.where(draw.random(5000) < 0.05, ~y, y).astype(int)

    return make


def tiles(noise: float = 1.0) -> Callable[[], Rows]:
    """Images of chequers or stripes of two sizes, at any phase and contrast, under noise, [rows, 12, 12, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        y = draw.integers(0, 4, 5000)
        size = np.where(y % 2, 3, 2)[:, None]
        down, across = ((np.arange(12) + draw.integers(0, 6, (5000, 1))) // size % 2 for _ in range(2))
        chequers = down[:, :, None] ^ across[:, None, :]
        stripes = np.repeat(across[:, None, :], 12, axis=1)
        clean = draw.uniform(0.5, 2, (5000, 1, 1)) * np.where((y < 2)[:, None, None], chequers, stripes)
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def lamps(noise: float = 0.4) -> Callable[[], Rows]:
    """Images of a bright and a dim spot; the class is the side on which the bright one lies, [rows, 14, 14, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        down, across = np.mgrid[:14, :14]
        at = draw.uniform(2, 11, (5000, 2, 2))
        far = np.hypot(down - at[:, :, 0, None, None], across - at[:, :, 1, None, None])
        clean = (np.array([1.6, 0.9])[:, None, None] * np.exp(-((far / 1.5) ** 2))).sum(axis=1)
        apart = at[:, 0] - at[:, 1]
        y = 2 * (np.abs(apart[:, 0]) > np.abs(apart[:, 1])) + (apart.sum(axis=1) > 0)
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def leaves(columns: int = 12, wrong: float = 0.05) -> Callable[[], Rows]:
    """Columns; the class is that of the leaf of a fixed decision tree, with some wrong labels."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        x = draw.normal(size=(6000, columns))
        tree = DecisionTreeClassifier(max_depth=5, random_state=0)
        y = tree.fit(draw.normal(size=(400, columns)), draw.integers(0, 3, 400)).predict(x)
        return x.astype("float32"), np.where(draw.random(6000) < wrong, draw.integers(0, 3, 6000), y)

    return make


def moons(columns: int = 10, noise: float = 0.25) -> Callable[[], Rows]:
    """Two moons, turned into more columns, of which most are noise."""

    def make() -> Rows:
        flat, y = datasets.make_moons(6000, noise=noise, random_state=0)
        draw = np.random.default_rng(0)
        turned = np.linalg.qr(draw.normal(size=(columns, columns)))[0]
        x = np.concatenate([flat, draw.normal(scale=0.5, size=(6000, columns - 2))], axis=1) @ turned
        return x.astype("float32"), y

    return make


def yields(noise: float = 0.3, scaled: bool = True) -> Callable[[], Rows]:
    """Eight columns and a target with a decay, a wave and an interaction; not `scaled`, columns are of any size."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        x = draw.uniform(-1.5, 1.5, (6000, 8))
        y = 3 * np.exp(-np.abs(2 * x[:, 0])) + np.cos(3 * x[:, 1]) * x[:, 2] + x[:, 3] ** 2 + 0.5 * x[:, 4]
        y = y + noise * draw.normal(size=6000)
        x = x if scaled else 10.0 ** np.arange(-2, 6) * (x + 2)
        return x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

    return make


def pulses(noise: float = 0.4) -> Callable[[], Rows]:
    """Pulses at any time, under noise; the class is their number, [rows, 40, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        y = draw.integers(0, 4, 5000)
        places = np.argsort(draw.random((5000, 12)), axis=1)[:, :4] * 3 + 2.5
        each = np.exp(-((np.arange(40)[None, None, :] - places[:, :, None]) ** 2))
        clean = (each * (np.arange(4) <= y[:, None])[:, :, None]).sum(axis=1)
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def tanks(length: int = 20, noise: float = 0.1) -> Callable[[], Rows]:
    """Two inflows of a leaking tank; the target is the level at the end, [rows, length, 2]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        x = draw.normal(size=(6000, length, 2))
        level = np.zeros(6000)
        for step in range(length):
            level = 0.8 * level + np.maximum(x[:, step, 0], 0) * np.tanh(x[:, step, 1])
        y = level + noise * draw.normal(size=6000)
        return x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

    return make


def rhythms(noise: float = 0.7) -> Callable[[], Rows]:
    """Square waves of five periods, with any share that is on, under noise, [rows, 36, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        y = draw.integers(0, 5, 5000)
        period = (5 + 1.5 * y)[:, None]
        at = (np.arange(36)[None, :] + draw.uniform(0, 12, (5000, 1))) % period
        clean = np.where(at < draw.uniform(0.3, 0.7, (5000, 1)) * period, 1.0, -1.0)
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def subjects(words: int = 500, length: int = 25, classes: int = 6) -> Callable[[], Rows]:
    """Rows of tokens of six subjects, of which each has its own words among many common ones, [rows, length]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        common = draw.dirichlet(np.full(words, 0.5))
        own = draw.dirichlet(np.full(words, 0.05), classes)
        y = draw.integers(0, classes, 5000)
        x = np.stack([draw.choice(words, length, p=0.8 * common + 0.2 * own[label]) for label in y])
        return x.astype("int32"), y

    return make


def commands(words: int = 80, length: int = 12) -> Callable[[], Rows]:
    """Rows of tokens; the class is the group of the word that follows the marker, [rows, length]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        x = draw.integers(1, words, (5000, length))
        at = draw.integers(0, length - 1, 5000)
        x[np.arange(5000), at] = 0
        y = x[np.arange(5000), at + 1] % 4
        return x.astype("int32"), np.where(draw.random(5000) < 0.05, draw.integers(0, 4, 5000), y)

    return make
