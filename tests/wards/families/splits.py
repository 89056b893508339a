"""Dev sets unlike train: near-duplicates on both sides, other distributions, labels that belong to other rows."""

from dataclasses import replace
from typing import Any

import numpy as np

from tests.wards import data as rows
from tests.wards import models
from tests.wards.data import Array, Data, Rows
from tests.wards.recipe import Case, Recipe, healthy, make, sick
from tests.wards.references import adam

# --- near-duplicates --------------------------------------------------------------------------------


def augmented(first: str, pictures: int = 120, copies: int = 10) -> Data:
    """Digits with ten noisy, moved copies of each. `first`: "split" pictures, or "augment" and then split copies."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(x))[:pictures]
    source = np.repeat(chosen, copies)
    moved = [np.roll(x[one].reshape(8, 8) / 16, rng.integers(-1, 2, 2), (0, 1)).ravel() for one in source]
    made = np.clip(
        np.array(moved) * rng.uniform(0.7, 1, (len(source), 1)) + rng.normal(0, 0.1, (len(source), 64)), 0, 1
    )
    dev = np.repeat(np.arange(pictures) % 10 < 3, copies) if first == "split" else rng.random(len(source)) < 0.3
    return _cut(made.astype("float32"), y[source], dev, "multiclass", 10)


def _cut(x: Array, y: Array, dev: Array, task: str, units: int) -> Data:
    return Data((x[~dev], y[~dev]), (x[dev], y[dev]), (task,), (units,))


def windows(apart: bool, steps: int = 24, ahead: int = 12, blocks: int = 40) -> Data:
    """Overlapping windows of a random walk: does it rise over the next steps? `apart`: dev takes whole blocks."""
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=1600))
    starts = np.arange(0, len(walk) - steps - ahead)
    x = np.stack([walk[start : start + steps] - walk[start : start + steps].mean() for start in starts])
    y = walk[starts + steps + ahead - 1] > walk[starts + steps - 1]
    block = starts * blocks // len(walk)
    dev = block % 4 == 3 if apart else rng.random(len(starts)) < 0.25
    return _cut((x / x.std()).astype("float32"), y.astype("int64"), dev, "binary", 1)


def people(apart: bool, count: int = 150, visits: int = 8) -> Data:
    """Eight visits each of 150 people, twelve nearly constant numbers, and a diagnosis that hardly depends on them.

    `apart`: the visits of a person are all in train or all in dev.
    """
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(count), visits)
    person = rng.normal(size=(count, 12))
    ill = rng.random(count) < 1 / (1 + np.exp(-1.2 * person[:, 0]))
    x = person[who] + rng.normal(0, 0.05, (len(who), 12))
    dev = who % 10 < 3 if apart else rng.random(len(who)) < 0.3
    return _cut(x.astype("float32"), ill[who].astype("int64"), dev, "binary", 1)


# --- dev of another distribution ----------------------------------------------------------------------


def sorted_by_class(data: Data) -> Data:
    """All rows sorted by their class, and the last ones cut off as dev, as `validation_split` does."""
    return _last_part(data, lambda x, y: np.argsort(y, kind="stable"))


def sorted_by_target(data: Data) -> Data:
    """All rows sorted by a numeric target, and the last ones cut off as dev."""
    return _last_part(data, lambda x, y: np.argsort(y[:, 0], kind="stable"))


def _last_part(data: Data, order: Any) -> Data:
    x, y = (np.concatenate(both) for both in zip(data.train, data.judged, strict=True))
    chosen, cut = order(x, y), len(data.train[0])
    return replace(data, train=(x[chosen[:cut]], y[chosen[:cut]]), dev=(x[chosen[cut:]], y[chosen[cut:]]))


def demand(drift: float, count: int = 1500) -> Data:
    """Demand by weekday, temperature and price, in order of time; `drift`: by how much all of it grows in the end."""
    rng = np.random.default_rng(0)
    time = np.arange(count) / count
    weekday = np.eye(7)[np.arange(count) % 7]
    warm = np.sin(2 * np.pi * np.arange(count) / 365) + rng.normal(0, 0.3, count)
    price = rng.normal(size=count) + drift * time
    y = weekday @ np.linspace(-1, 1, 7) + warm * (1 - 0.4 * price) + drift * 3 * time**2 + rng.normal(0, 0.2, count)
    x = np.column_stack([weekday, warm, price]).astype("float32")
    y = ((y - y.mean()) / y.std())[:, None].astype("float32")
    return _cut(x, y, time >= 0.7, "regression", 1)


def other_site(data: Data, gain: float = 0.5, offset: float = 0.5) -> Data:
    """Dev pictures from another scanner: less contrast on a brighter ground."""
    return data.mapped(x=lambda x: (x * gain + offset).astype("float32"), splits=("dev",))


# --- labels that belong to other rows -------------------------------------------------------------------


def labels_of_other_rows(data: Data, split: str, by: int = 0) -> Data:
    """The labels of one split in another order, or `by` rows further on."""

    def change(y: Array) -> Array:
        return np.roll(y, by, axis=0) if by else y[np.random.default_rng(3).permutation(len(y))]

    return data.mapped(y=change, splits=(split,))


# --- sound splits that look odd -------------------------------------------------------------------------


def survey(count: int = 2000) -> Data:
    """Three answers on a scale of four: most rows occur on both sides, by nature, with any label."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (count, 3))
    odds = np.array([-1.5, -0.5, 0.5, 1.5])[x].sum(axis=1)
    return rows.split(
        x.astype("float32") / 3, (rng.random(count) < 1 / (1 + np.exp(-odds))).astype("int64"), "binary", 1
    )


def few_for_dev(data: Data, count: int = 80) -> Data:
    """A small dev set."""
    dev: Rows = data.judged[0][:count], data.judged[1][:count]
    return replace(data, dev=dev)


# --- cases ------------------------------------------------------------------------------------------

LEAK = {"split-leakage"}
UNLIKE = {"dev-unlike-train", "data-mismatch"}

DIGITS = Recipe(make(rows.digits), make(models.mlp), adam(), epochs=15)
COPIES = Recipe(make(augmented, first="split"), make(models.mlp), adam(2e-3), epochs=25)
PEOPLE = Recipe(make(people, apart=True), make(models.mlp), adam(3e-3), epochs=40)
WALK = Recipe(make(windows, apart=True), make(models.mlp), adam(3e-3), epochs=40)
DEMAND = Recipe(make(demand, drift=0.0), make(models.mlp, hidden=(32, 32)), adam(5e-3), epochs=30)
FRIEDMAN = Recipe(make(rows.friedman), make(models.mlp), adam(3e-3), epochs=15)

SPLITS: tuple[Case, ...] = (
    sick(
        "splits-augmented-before-the-split",
        "splits",
        COPIES,
        LEAK,
        optimistic=True,
        data=make(augmented, first="augment"),
    ),
    sick("splits-people-on-both-sides", "splits", PEOPLE, LEAK, optimistic=True, data=make(people, apart=False)),
    sick(
        "splits-classes-only-in-dev",
        "splits",
        DIGITS,
        UNLIKE | {"missing-classes"},
        spoil=(make(rows.without_classes, classes=(3, 8)),),
    ),
    sick(
        "splits-rows-sorted-by-class",
        "splits",
        DIGITS,
        UNLIKE | {"missing-classes", "not-shuffled"},
        spoil=(make(sorted_by_class),),
    ),
    sick(
        "splits-dev-of-another-site",
        "splits",
        DIGITS,
        UNLIKE | {"inconsistent-preprocessing"},
        handed=(make(other_site),),
    ),
    sick("splits-trend-cut-off", "splits", DEMAND, UNLIKE, data=make(demand, drift=2.0)),
    sick(
        "splits-rows-sorted-by-target", "splits", FRIEDMAN, UNLIKE | {"not-shuffled"}, spoil=(make(sorted_by_target),)
    ),
    sick(
        "splits-dev-labels-of-other-rows",
        "splits",
        DIGITS,
        {"labels-not-paired"},
        handed=(make(labels_of_other_rows, split="dev"),),
    ),
    sick(
        "splits-dev-numbers-of-other-rows",
        "splits",
        FRIEDMAN,
        {"labels-not-paired"},
        handed=(make(labels_of_other_rows, split="dev", by=1),),
    ),
    sick(
        "splits-train-labels-of-other-rows",
        "splits",
        DIGITS,
        {"labels-not-paired", "no-signal", "labels-misaligned"},
        spoil=(make(labels_of_other_rows, split="train"),),
    ),
    healthy("splits-copies-kept-together", "splits", COPIES),
    healthy(
        "splits-identical-rows-by-nature", "splits", DIGITS, data=make(survey), model=make(models.mlp, hidden=(16,))
    ),
    healthy("splits-dense-plane", "splits", DIGITS, data=make(rows.moons, rows=3000, noise=0.2), optimizer=adam(5e-3)),
    healthy("splits-in-order-of-time", "splits", DEMAND),
    healthy("splits-one-in-ten-positive", "splits", DIGITS, data=make(rows.rare, share=0.1, apart=3.0)),
    healthy("splits-dev-of-80", "splits", DIGITS, spoil=(make(few_for_dev),)),
    healthy("splits-numbers", "splits", FRIEDMAN),
)
