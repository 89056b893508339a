"""Made data for the part "open" of the pairs, like those of `made.py`: the same rows in every call."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.made import Rows


def _standard(values: NDArray[Any]) -> NDArray[Any]:
    """Each column with mean 0 and standard deviation 1."""
    return np.asarray((values - values.mean(axis=0)) / values.std(axis=0))


def _mistaken(y: NDArray[Any], share: float, draw: np.random.Generator) -> NDArray[Any]:
    """Labels of which a share is drawn anew."""
    return np.where(draw.random(len(y)) < share, draw.integers(0, y.max() + 1, len(y)), y).astype(int)


# --- tables -------------------------------------------------------------------------------------------


def credit(scaled: bool = True) -> Callable[[], Rows]:
    """Loans, with skewed, whole and yes-or-no columns; the class tells which were not paid back, by chance in part."""

    def make() -> Rows:
        draw = np.random.default_rng(20)
        income, amount = np.exp(draw.normal(10.3, 0.5, 6000)), np.exp(draw.normal(9.2, 0.7, 6000))
        months, age = draw.choice([12, 24, 36, 48, 60, 84], 6000), draw.uniform(20, 75, 6000)
        years = np.minimum(draw.exponential(6, 6000), age - 18)
        late, owner = draw.poisson(0.6, 6000), draw.integers(0, 2, 6000)
        rate, other = draw.uniform(0.02, 0.2, 6000), draw.poisson(1.5, 6000)
        burden = np.log(amount * (1 + rate * months / 12) / months / income)
        risky = 1.5 * (age < 28) * (1 - owner) + 0.9 * late - 0.1 * years - 0.8 * owner + 0.2 * late * other
        score = 1.8 * _standard(burden) + risky - 1.2
        columns = [income, amount, months, age, years, late, owner, rate, other, *draw.normal(size=(3, 6000))]
        x = np.stack(columns, axis=1)
        y = draw.random(6000) < 1 / (1 + np.exp(-score))
        return (_standard(x) if scaled else x).astype("float32"), y.astype(int)

    return make


def species(classes: int = 5, columns: int = 14) -> Callable[[], Rows]:
    """Normal clouds, one for each class, that overlap and have their own form; some classes are rare."""

    def make() -> Rows:
        draw = np.random.default_rng(21)
        centres = 0.6 * draw.normal(size=(classes, columns))
        forms = np.eye(columns) + 0.25 * draw.normal(size=(classes, columns, columns))
        share = np.arange(classes + 1, 1, -1)
        y = draw.choice(classes, 6000, p=share / share.sum())
        x = centres[y] + np.einsum("ni,nij->nj", draw.normal(size=(6000, columns)), forms[y])
        return x.astype("float32"), y

    return make


def signs(columns: int = 14, wrong: float = 0.06) -> Callable[[], Rows]:
    """Columns; the class tells whether two of them have one sign, and which of two others is larger."""

    def make() -> Rows:
        draw = np.random.default_rng(22)
        x = draw.normal(size=(6000, columns))
        y = (x[:, 0] * x[:, 1] > 0) + 2 * (x[:, 2] > x[:, 3])
        return x.astype("float32"), _mistaken(y, wrong, draw)

    return make


def houses(priced: bool = False) -> Callable[[], Rows]:
    """Prices of houses, of their size, age and place, with some far off; if `priced`, in full units of money."""

    def make() -> Rows:
        draw = np.random.default_rng(23)
        area, age = np.exp(draw.normal(4.5, 0.4, 6000)), draw.exponential(30, 6000)
        north, east = draw.uniform(-1, 1, (2, 6000))
        state, floor, lift = draw.integers(1, 6, 6000), draw.integers(0, 9, 6000), draw.integers(0, 2, 6000)
        centre = 0.5 * np.exp(-4 * (north**2 + east**2)) + 0.3 * np.exp(-8 * ((north - 0.6) ** 2 + (east + 0.5) ** 2))
        worth = 0.8 * np.log(area) + centre + 0.07 * state - 0.3 * (1 - np.exp(-age / 25)) + 0.04 * floor * (lift - 0.5)
        price = np.exp(8.5 + worth + 0.1 * draw.standard_t(4, 6000))
        columns = [area, age, north, east, state, floor, lift, *draw.normal(size=(3, 6000))]
        y = price if priced else _standard(price)
        return _standard(np.stack(columns, axis=1)).astype("float32"), y.astype("float32")

    return make


def doses(noise: float = 0.15) -> Callable[[], Rows]:
    """Effects of two drugs that saturate and hinder each other, on patients with other columns."""

    def make() -> Rows:
        draw = np.random.default_rng(24)
        x = draw.uniform(0, 1, (6000, 9))
        half = 0.2 + 0.5 * x[:, 2]
        first = x[:, 0] ** 3 / (x[:, 0] ** 3 + half**3)
        second = x[:, 1] / (x[:, 1] + 0.3) * (x[:, 3] > 0.4)
        effect = (first + second - 1.2 * first * second) * (0.5 + x[:, 4])
        y = effect * (1 + noise * draw.normal(size=6000)) + 0.05 * draw.normal(size=6000)
        return _standard(x).astype("float32"), _standard(y).astype("float32")

    return make


def loads(noise: float = 0.35) -> Callable[[], Rows]:
    """The demand for power, of hour, weekday and weather; hour and weekday are single numbers."""

    def make() -> Rows:
        draw = np.random.default_rng(25)
        hour, day = draw.integers(0, 24, 6000), draw.integers(0, 7, 6000)
        warmth, wind, sun = draw.normal(12, 9, 6000), draw.gamma(2, 2, 6000), draw.uniform(0, 1, 6000)
        peaks = np.exp(-(((hour - 8) / 2) ** 2)) * (day < 5) + 1.3 * np.exp(-(((hour - 19) / 3) ** 2))
        weather = 0.004 * (warmth - 17) ** 2 + 0.03 * wind * (warmth < 5) - 0.5 * sun * (np.abs(hour - 13) < 4)
        y = peaks + weather + noise * draw.normal(size=6000)
        x = np.stack([hour, day, warmth, wind, sun, *draw.normal(size=(2, 6000))], axis=1)
        return _standard(x).astype("float32"), _standard(y).astype("float32")

    return make


# --- images -------------------------------------------------------------------------------------------


def cells(noise: float = 0.5) -> Callable[[], Rows]:
    """Images of round, long or dividing cells, of any angle, place and light, under noise, [rows, 13, 13, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(26)
        y = draw.integers(0, 3, 5000)
        down, across = (np.arange(13)[None, :] - draw.uniform(4.5, 7.5, (5000, 1)) for _ in range(2))
        turn, size = draw.uniform(0, np.pi, (5000, 1, 1)), draw.uniform(2.5, 3.8, (5000, 1, 1))
        along = np.cos(turn) * down[:, :, None] + np.sin(turn) * across[:, None, :]
        beside = np.cos(turn) * across[:, None, :] - np.sin(turn) * down[:, :, None]
        flat = np.where(y == 0, draw.uniform(0.8, 1, 5000), draw.uniform(0.4, 0.75, 5000))[:, None, None]
        apart = draw.uniform(0.4, 0.7, (5000, 1, 1)) * size
        whole = np.hypot(along, beside / flat) - size
        halves = np.minimum(np.hypot(along - apart, beside), np.hypot(along + apart, beside)) - 0.65 * size
        edge = np.where((y == 2)[:, None, None], halves, whole)
        light = draw.normal(0, 0.05, (5000, 1, 1)) * np.arange(13)[None, :, None]
        clean = 1 / (1 + np.exp(2.5 * edge)) + light
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def textures(wrong: float = 0.03) -> Callable[[], Rows]:
    """Coloured noise; the class is the direction in which neighbours are alike, more or less, [rows, 12, 12, 3]."""

    def make() -> Rows:
        draw = np.random.default_rng(27)
        y = draw.integers(0, 4, 5000)
        plain = draw.normal(size=(5000, 13, 13, 3))
        moved = np.stack([np.roll(plain, by, axis=(1, 2)) for by in ((0, 1), (1, 0), (1, 1), (1, -1))])
        image = plain + draw.uniform(0.05, 0.6, (5000, 1, 1, 1)) * moved[y, np.arange(5000)]
        colour = np.eye(3) + 0.4 * draw.normal(size=(5000, 3, 3))
        mixed = np.einsum("nijc,ncd->nijd", image[:, :12, :12], colour)
        return mixed.astype("float32"), _mistaken(y, wrong, draw)

    return make


def glyphs(noise: float = 0.8, wrong: float = 0.04) -> Callable[[], Rows]:
    """Images of seven fixed signs, moved a little, of any contrast, under noise, [rows, 12, 12, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(28)
        sign = np.kron(draw.normal(size=(7, 5, 5)) > 0.2, np.ones((2, 2)))
        wide = np.pad(sign, ((0, 0), (3, 3), (3, 3)))
        y = draw.integers(0, 7, 5000)
        down, across = (draw.integers(0, 5, (5000, 1)) + np.arange(12) for _ in range(2))
        clean = draw.uniform(0.5, 1.5, (5000, 1, 1)) * wide[y[:, None, None], down[:, :, None], across[:, None, :]]
        x = (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32")
        return x, _mistaken(y, wrong, draw)

    return make


def dials(noise: float = 0.3) -> Callable[[], Rows]:
    """Images of dials with a long bright hand and a short dim one; the target is the angle of the long one.

    [rows, 14, 14, 1].
    """

    def make() -> Rows:
        draw = np.random.default_rng(29)
        angle = np.stack([draw.uniform(-2.4, 2.4, 5000), draw.uniform(-np.pi, np.pi, 5000)])
        at = 6.5 + draw.normal(0, 0.4, (5000, 2))
        down, across = (np.arange(14)[None, :] - at[:, [axis]] for axis in range(2))
        image = np.zeros((5000, 14, 14))
        for each, length, light in ((angle[0], 6.0, 1.0), (angle[1], 3.5, 0.6)):
            cos, sin = np.cos(each)[:, None, None], np.sin(each)[:, None, None]
            along = np.clip(-cos * down[:, :, None] + sin * across[:, None, :], 0, length)
            far = np.hypot(down[:, :, None] + cos * along, across[:, None, :] - sin * along)
            image = np.maximum(image, light * np.exp(-(far**2)))
        y = angle[0] + 0.15 * draw.normal(size=5000)
        x = (image + noise * draw.normal(size=image.shape))[..., None]
        return x.astype("float32"), _standard(y).astype("float32")

    return make


# --- sequences ----------------------------------------------------------------------------------------


def gaits(noise: float = 1.0) -> Callable[[], Rows]:
    """Three sensors on a body that walks in one of four ways, at any pace, under noise, [rows, 50, 3]."""

    def make() -> Rows:
        draw = np.random.default_rng(30)
        y = draw.integers(0, 4, 5000)
        time = np.arange(50)[None, :, None]
        pace, start = draw.uniform(0.25, 0.5, (5000, 1, 1)), draw.uniform(0, 2 * np.pi, (5000, 1, 1))
        lag = np.where(y % 2 == 1, np.pi / 2, 0.0)[:, None, None] * np.arange(3)
        over = np.where(y >= 2, 0.7, 0.1)[:, None, None]
        at = pace * time + start + lag + draw.normal(0, 0.3, (5000, 1, 3))
        clean = draw.uniform(0.5, 1.5, (5000, 1, 3)) * (np.sin(at) + over * np.sin(2 * at))
        return (clean + noise * draw.normal(size=clean.shape)).astype("float32"), y

    return make


def switches(length: int = 42) -> Callable[[], Rows]:
    """Noise that grows louder at some time; the class is the third in which it does, or that it never does.

    [rows, length, 1].
    """

    def make() -> Rows:
        draw = np.random.default_rng(31)
        y = draw.integers(0, 4, 5000)
        at = (y + draw.uniform(0, 1, 5000)) * length / 3
        loud = draw.uniform(1.8, 3.0, (5000, 1))
        size = np.where((np.arange(length)[None, :] >= at[:, None]) & (y < 3)[:, None], loud, 1.0)
        return (0.6 * size * draw.normal(size=size.shape))[..., None].astype("float32"), y

    return make


def sales(length: int = 28) -> Callable[[], Rows]:
    """Days of sales with a trend, a weekly pattern and promotions, which are known; the target is the next day's.

    [rows, length, 2].
    """

    def make() -> Rows:
        draw = np.random.default_rng(32)
        days = np.arange(length + 1)[None, :]
        week = draw.normal(size=(5000, 7))
        weekday = (days + draw.integers(0, 7, (5000, 1))) % 7
        promoted = draw.random((5000, length + 1)) < 0.15
        trend = draw.normal(0, 0.05, (5000, 1)) * (days - length / 2) + draw.normal(size=(5000, 1))
        sold = trend + np.take_along_axis(week, weekday, axis=1) + draw.uniform(0.5, 2, (5000, 1)) * promoted
        sold = sold + 0.4 * draw.normal(size=sold.shape)
        x = np.stack([sold[:, :-1] / 1.6, promoted[:, :-1]], axis=2)
        return x.astype("float32"), _standard(sold[:, -1]).astype("float32")

    return make


def beats(noise: float = 0.4) -> Callable[[], Rows]:
    """Beats that are regular, irregular, or of which one is missing, under noise, [rows, 60, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(33)
        y = draw.integers(0, 3, 5000)
        jitter = np.where(y == 1, draw.uniform(1.0, 2.0, 5000), 0.2)[:, None] * draw.normal(size=(5000, 10))
        apart = draw.uniform(7, 10, (5000, 1)) + jitter
        at = draw.uniform(0, 7, (5000, 1)) + np.cumsum(np.maximum(apart, 3), axis=1) - apart[:, :1]
        missing = (np.arange(10) == draw.integers(1, 5, (5000, 1))) & (y == 2)[:, None]
        each = np.exp(-((np.arange(60)[None, None, :] - at[:, :, None]) ** 2) / 1.3)
        clean = 1.5 * (each * ~missing[:, :, None]).sum(axis=1)
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def sums(length: int = 20, noise: float = 0.1) -> Callable[[], Rows]:
    """Numbers, of which two are marked in the other channel; the target is the sum of those, [rows, length, 2]."""

    def make() -> Rows:
        draw = np.random.default_rng(34)
        value, rows = draw.uniform(-1, 1, (5000, length)), np.arange(5000)
        marked = np.zeros((5000, length))
        for first in (0, length // 2):
            marked[rows, first + draw.integers(0, length // 2, 5000)] = 1
        y = (value * marked).sum(axis=1) + noise * draw.normal(size=5000)
        return np.stack([value, marked], axis=2).astype("float32"), _standard(y).astype("float32")

    return make


# --- texts --------------------------------------------------------------------------------------------


def reviews(words: int = 250, length: int = 18) -> Callable[[], Rows]:
    """Rows of tokens of any number, then zeros; bad, mixed or good, where "very" and "hardly" change the next word."""

    def make() -> Rows:
        draw = np.random.default_rng(35)
        x = draw.integers(3, words, (5000, length))
        before = draw.random(x.shape)
        x[before < 0.12], x[before > 0.9] = 1, 2
        x[np.arange(length)[None, :] >= draw.integers(8, length + 1, (5000, 1))] = 0
        weight = draw.normal(size=words) * (draw.random(words) < 0.4)
        weight[:3] = 0
        factor = np.array([1.0, 2.0, -0.6])[np.where(x < 3, x, 0)]
        total = (np.concatenate([np.ones((5000, 1)), factor[:, :-1]], axis=1) * weight[x]).sum(axis=1)
        total = total + 0.5 * draw.normal(size=5000)
        return x.astype("int32"), np.searchsorted(np.quantile(total, [0.35, 0.65]), total)

    return make


def languages(classes: int = 5, letters: int = 26, length: int = 20) -> Callable[[], Rows]:
    """Rows of letters; each class prefers other letters after a letter, more or less, [rows, length]."""

    def make() -> Rows:
        draw = np.random.default_rng(36)
        common = draw.dirichlet(np.full(letters, 0.5), letters)
        after = 0.6 * common + 0.4 * draw.dirichlet(np.full(letters, 0.3), (classes, letters))
        y = draw.integers(0, classes, 5000)
        x = draw.integers(0, letters, (5000, length))
        for step in range(1, length):
            reached = after[y, x[:, step - 1]].cumsum(axis=1) < draw.random((5000, 1))
            x[:, step] = np.minimum(reached.sum(axis=1), letters - 1)
        return x.astype("int32"), y

    return make


def tickets(words: int = 300, length: int = 20, wrong: float = 0.06) -> Callable[[], Rows]:
    """Rows of tokens; the class tells which of two subjects are there: none, one, the other or both."""

    def make() -> Rows:
        draw = np.random.default_rng(37)
        x, y = draw.integers(40, words, (5000, length)), draw.integers(0, 4, 5000)
        places = np.argsort(draw.random((5000, length)), axis=1)
        for subject in range(2):
            for number in range(2):  # the second word of a subject is only there in half of the rows
                there = np.flatnonzero((y >> subject & 1) & (draw.random(5000) < (1.0, 0.5)[number]))
                word = draw.integers(20 * subject, 20 * subject + 20, len(there))
                x[there, places[there, 2 * subject + number]] = word
        return x.astype("int32"), _mistaken(y, wrong, draw)

    return make
