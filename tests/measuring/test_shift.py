"""Two samples: alike, moved, in time order, sorted."""

import numpy as np
import pytest

from diagnose.measurements import Array
from diagnose.measuring.lags import _earlier
from diagnose.measuring.neighbours import close_rows, overlaps
from diagnose.measuring.shift import Pool, goes_on, in_order

ONE = np.zeros(500, np.int64)


def rows(count: int = 500, columns: int = 6, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(count, columns))


def null(pool: Pool) -> tuple[float, float]:
    return max(pool.auc(member) for member in pool.null), max(pool.distances(member).max() for member in pool.null)


def test_rows_of_one_source_are_within_the_null() -> None:
    every = [Pool(rows(seed=seed), rows(200, seed=100 + seed), False, 0) for seed in range(10)]
    beyond = [pool.auc(pool.member) > null(pool)[0] for pool in every]
    assert sum(beyond) <= 2


@pytest.mark.parametrize("change", [lambda x: x + np.eye(6)[2], lambda x: x * np.array([1, 1, 3, 1, 1, 1])])
def test_a_moved_and_a_stretched_feature_are_found(change: object) -> None:
    pool = Pool(rows(), change(rows(200, seed=1)), False, 0)  # type: ignore[operator]
    auc, distance = null(pool)
    assert pool.auc(pool.member) > max(auc, 0.65)
    assert pool.distances(pool.member).argmax() == 2
    assert pool.distances(pool.member).max() > distance


def test_equal_values_have_no_distance() -> None:
    ones = np.ones((50, 1))
    pool = Pool(ones, ones, False, 0)
    assert pool.distances(pool.member).max() == pytest.approx(0)


def waves(rows: int, rise: float = 0.0) -> Array:
    """Windows of a series with a slow rhythm, perhaps rising."""
    steps = np.arange(rows + 12)
    series = np.sin(steps / 25) + 0.3 * np.sin(steps / 7) + rise * steps
    return np.stack([series[i : i + 12] for i in range(rows)])


def test_a_stationary_series_in_time_order_is_within_its_blocks() -> None:
    series = waves(1500)
    assert in_order(series[:1000], np.zeros(1000, np.int64))
    pool = Pool(series[:1000], series[1000:], True, 0)
    assert pool.auc(pool.member) <= null(pool)[0] + 0.05


def test_new_groups_are_within_other_groups() -> None:
    generator = np.random.default_rng(0)
    owners = np.repeat(np.arange(20), 25)
    places = 2 * generator.normal(size=(28, 6))
    ours, theirs = rows() + places[owners], rows(200, seed=1) + places[20 + np.repeat(np.arange(8), 25)]
    order = generator.permutation(500)
    without, known = Pool(ours[order], theirs, False, 0), Pool(ours[order], theirs, False, 0, owners[order])
    assert known.auc(known.member) < null(known)[0]
    assert without.auc(without.member) > null(without)[0]


def test_rows_sorted_by_class_are_not_in_order() -> None:
    classes = np.repeat(np.arange(5), 100)
    assert not in_order(rows() + 3 * classes[:, None], classes)
    assert in_order(rows() + 3 * classes[:, None], ONE)


def test_a_split_that_goes_on_where_sorted_rows_end() -> None:
    table = rows(400)
    table = table[table[:, 1].argsort()]
    assert goes_on(table[:300], table[300:]).tolist() == [False, True, False, False, False, False]
    assert not goes_on(rows(300), rows(100, seed=1)).any()


# --- near-duplicates -------------------------------------------------------------------------------------------


def test_changed_copies_are_found_though_train_holds_copies_too() -> None:
    originals = rows(300, 12)
    copies = np.repeat(originals, 6, axis=0) + 0.05 * rows(1800, 12, seed=1)
    order = np.random.default_rng(2).permutation(1800)
    assert close_rows(copies[order[:1400]], copies[order[1400:]]).close.mean() > 0.9


@pytest.mark.parametrize("columns", [2, 4, 12, 40])
def test_independent_rows_are_not_close(columns: int) -> None:
    found = close_rows(rows(1500, columns), rows(500, columns, seed=1))
    assert found.close.mean() < 0.01
    assert found.dimension > 1


def test_equal_rows_are_left_to_their_own_check() -> None:
    table = rows(400, 8)
    assert not close_rows(table, table[:100]).close.any()


def test_overlapping_windows() -> None:
    series = waves(600)
    order = np.random.default_rng(0).permutation(600)
    assert overlaps(series[order[:450]], series[order[450:]]).mean() > 0.9
    assert overlaps(series[:450], series[450:]).sum() == 6  # a split in time: only its border
    assert not overlaps(rows(300, 12), rows(100, 12, seed=1)).any()
    assert not overlaps(np.zeros((50, 12)), np.zeros((20, 12))).any()


def test_earlier_rows() -> None:
    values = np.arange(10.0)[:, None]
    assert _earlier(values)[0].tolist() == [4, 3, 2, 1, 0]
    assert _earlier(values)[-1].tolist() == [8, 7, 6, 5, 4]
