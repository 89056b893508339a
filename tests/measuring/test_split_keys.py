"""Groups and times of splits compared with counts by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from diagnose.measurements import Unavailable
from diagnose.measuring import split_keys
from diagnose.measuring.split_keys import group_overlaps, time_orders
from diagnose.subject import Output, Seen, Split, Subject, Task


def subject(groups: dict[str, Any] | None = None, times: dict[str, Any] | None = None) -> Subject:
    """A subject whose splits have as many rows as keys; these tests do not run a model."""
    splits = {}
    for name in groups or times or {"train": [0]}:
        keys = [None if some is None else np.asarray(some[name]) for some in (groups, times)]
        rows = len(next(key for key in keys if key is not None)) if any(key is not None for key in keys) else 1
        split = Split(name, (np.zeros((rows, 2)),), (np.zeros(rows),), Seen.NO)
        splits[name] = replace(split, groups=keys[0], times=keys[1])
    return Subject("keys", None, (Output("out", Task.BINARY, "binary_crossentropy"),), **splits)


def text(*names: str) -> Any:
    return np.array(names, dtype=object)


def test_groups_and_their_rows_are_counted() -> None:
    found = group_overlaps(subject({"train": text("a", "a", "b"), "dev": text("b", "b", "b", "c"), "test": text("d")}))
    assert not isinstance(found, Unavailable)
    assert (found["dev"].groups, found["dev"].train_groups, found["dev"].shared) == (2, 2, 1)
    assert (found["dev"].shared_rows, found["dev"].rows) == (0.75, 4)
    assert found["test"].shared_rows == 0.0


def test_rows_without_a_group_are_ignored() -> None:
    found = group_overlaps(subject({"train": text("", "a"), "dev": text("", "", "b", "a")}))
    assert not isinstance(found, Unavailable)
    assert (found["dev"].rows, found["dev"].shared_rows) == (2, 0.5)


def test_a_dev_split_that_is_later_than_train() -> None:
    days = np.arange("2024-01-01", "2024-04-10", dtype="datetime64[D]").astype("datetime64[s]")
    found = time_orders(subject(times={"train": days[:80], "dev": days[80:]}))
    assert not isinstance(found, Unavailable)
    assert found["dev"].range == ("2024-03-21", "2024-04-09")
    assert found["dev"].train_range == ("2024-01-01", "2024-03-20")
    assert (found["dev"].later, found["dev"].inside, found["dev"].rows) == (1.0, 0.0, 20)


def test_a_random_split_covers_the_time_of_train() -> None:
    order = np.random.default_rng(0).permutation(1000).astype("float64")
    found = time_orders(subject(times={"train": order[:800], "dev": order[800:]}))
    assert not isinstance(found, Unavailable)
    assert found["dev"].later == pytest.approx(0.5, abs=0.05)
    assert found["dev"].inside > 0.95


def test_ties_count_half_and_missing_times_are_ignored() -> None:
    found = time_orders(subject(times={"train": [1.0, 1.0, np.nan], "dev": [1.0, np.nan]}))
    assert not isinstance(found, Unavailable)
    assert (found["dev"].later, found["dev"].rows) == (0.5, 1)


def test_outliers_do_not_extend_the_time_of_train() -> None:
    train = np.append(np.arange(999.0), 1e9)
    found = time_orders(subject(times={"train": train, "dev": np.arange(1000.0, 1100.0)}))
    assert not isinstance(found, Unavailable)
    assert found["dev"].inside == 0.0


def test_without_columns_or_other_splits_both_are_unavailable() -> None:
    groups, times = group_overlaps(subject()), time_orders(subject())
    assert isinstance(groups, Unavailable) and "--group COLUMN" in groups.how
    assert isinstance(times, Unavailable) and "--time COLUMN" in times.how
    alone = group_overlaps(subject({"train": text("a")}))
    assert isinstance(alone, Unavailable) and alone.reason == "there is only one split"
    assert time_orders(subject(times={"train": [1.0]})) == alone


def test_large_splits_are_sampled_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_keys, "ROWS", 100)
    found = time_orders(subject(times={"train": np.arange(1000.0), "dev": np.arange(1000.0, 2000.0)}))
    assert not isinstance(found, Unavailable)
    assert (found["dev"].rows, found["dev"].later) == (100, 1.0)
