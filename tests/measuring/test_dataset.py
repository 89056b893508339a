"""Statistics of splits compared with NumPy, on arrays in memory and on disk."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from diagnose.checks.data.shared_rows import shared_rows
from diagnose.findings import Skipped
from diagnose.measurements import Dataset, Twins, Unavailable
from diagnose.measuring import dataset as instrument
from diagnose.measuring.bench import Bench
from diagnose.measuring.dataset import dataset
from diagnose.settings import Settings
from diagnose.subject import Output, Seen, Split, Subject, Task
from tests.measuring.architectures import many_ends, numbers, recurrent, residual, sequential


def measured(subject, **settings):
    with Bench(subject, Settings(**settings)) as bench:
        return dataset(bench, {})


def table(x, y, task=Task.MULTICLASS, classes=3, loss="sparse_categorical_crossentropy", **splits):
    """A subject with these arrays; these tests do not run its model."""
    model = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Dense(3)])
    model.compile("sgd", loss)
    others = {name: Split(name, (a,), (b,), Seen.NO) for name, (a, b) in splits.items()}
    train = Split("train", (x,), (y,), Seen.YES)
    return Subject("table", model, (Output("out", task, loss, classes=classes),), train, **others)


def targets(y, **options):
    return measured(table(np.ones((len(y), 2), "float32"), np.asarray(y), **options)).train.targets[0]


def test_inputs_are_described_by_feature():
    x = numbers(4) * [1, 10, 100, 0] + [0, 5, 0, 7]
    x[3, 0] = np.nan
    found = measured(table(x, np.zeros(48, int))).train.inputs[0]
    assert (found.kind, found.shape, found.non_finite, found.constant) == ("dense", (4,), 1, 1)
    assert found.mean == pytest.approx(np.nanmean(x, axis=0))
    assert found.std == pytest.approx(np.nanstd(x, axis=0), abs=1e-9)
    assert found.low == pytest.approx(np.nanmin(x, axis=0))
    assert found.high == pytest.approx(np.nanmax(x, axis=0))
    assert found.p99 == pytest.approx(np.nanquantile(np.abs(x), 0.99))


def test_kinds_of_inputs():
    def kinds(subject):
        return [(found.kind, found.vocabulary, found.mean.shape) for found in measured(subject).train.inputs]

    assert kinds(residual()) == [("image", None, (1,))]
    assert kinds(recurrent()) == [("tokens", 20, (7,))]
    assert kinds(many_ends()) == [("dense", None, (6,)), ("dense", None, (4,))]
    assert kinds(table((numbers(5) > 0).astype("float32"), np.zeros(48, int))) == [("binary", None, (5,))]
    assert kinds(table(numbers(7, 2), np.zeros(48, int))) == [("sequence", None, (2,))]


def test_layouts_of_targets():
    one_hot = targets(np.eye(3)[[0, 1, 1, 2]], loss="categorical_crossentropy")
    assert (one_hot.layout, one_hot.classes, one_hot.counts) == ("one-hot", (0, 1, 2), (1, 2, 1))
    integers = targets([1, 2, 2, 7])
    assert (integers.layout, integers.classes, integers.counts) == ("integers", (1, 2, 7), (1, 2, 1))
    assert targets([0.0, 0.5, 1, 1.5], task=Task.BINARY).non_integer == 2
    many = targets([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1]], task=Task.MULTILABEL, loss="binary_crossentropy")
    assert (many.layout, many.counts, many.many_hot, many.no_hot) == ("multi-hot", (2, 2, 2), 0.5, 0.25)
    soft = targets([[0.2, 0.3, 0.5]] * 3, loss="categorical_crossentropy")
    assert (soft.layout, soft.classes) == ("probabilities", ())
    plain = targets([1.0, 3, np.nan], task=Task.REGRESSION, loss="mse", classes=None)
    assert (plain.layout, plain.mean.tolist(), plain.std.tolist(), plain.non_finite) == ("numbers", [2], [1], 1)
    columns = targets([[1.0, 10], [3, 30]], task=Task.REGRESSION, loss="mse", classes=None)
    assert (columns.mean.tolist(), columns.high.tolist()) == ([2, 20], [3, 30])


def test_repeated_conflicting_and_shared_rows():
    x = np.arange(20, dtype="float64").reshape(10, 2)
    x[5], x[6] = x[0], x[1]
    y = np.array([0, 0, 1, 1, 1, 0, 1, 2, 2, 2])
    found = measured(table(x, y, dev=(x[[0, 2]].astype("float32"), y[:2]), test=(x[:4] + 0.5, y[:4])))
    assert found.train.duplicates == Twins(10, 2)
    assert found.train.conflicting == Twins(10, 2)  # rows 1 and 6
    assert found.shared_rows == {"dev": Twins(2, 2), "test": Twins(4, 0)}
    assert isinstance(found.train_dev, Unavailable)


def leaking(share, rows=60_000, others=10_000):
    """A subject with `share` of its dev rows also in train."""
    generator = np.random.default_rng(0)
    x, dev = generator.normal(size=(rows, 3)), generator.normal(size=(others, 3))
    shared = round(share * others)
    dev[:shared] = x[generator.choice(rows, shared, replace=False)]
    return table(x, np.zeros(rows, int), dev=(dev, np.zeros(others, int)))


def sample_of(split, rows):
    """A random sample of the rows of a split, with known population."""
    index = np.random.default_rng(len(split.name)).choice(split.rows, rows, replace=False)
    arrays = {"inputs": (split.inputs[0][index],), "targets": (split.targets[0][index],)}
    return replace(split, **arrays, population=split.rows, sampled=True)


def judged(subject, **settings):
    """The outcome of the check on shared rows."""
    outcome = shared_rows.run({Dataset: measured(subject, **settings)})
    return outcome.reason if isinstance(outcome, Skipped) else [finding.message for finding in outcome.findings]


def test_a_sample_is_never_reported_free_of_leaks():
    for share in (0.2, 0.0):
        whole = leaking(share)
        subject = replace(whole, train=sample_of(whole.train, 1_024), dev=sample_of(whole.dev, 1_024))
        assert measured(subject).shared_rows["dev"].searched == pytest.approx(1_024 / 60_000)
        assert judged(subject) != []
    assert judged(subject).startswith("1,024 of 10,000 rows of dev were compared with 1.7 % of train")


def test_a_leak_is_found_when_all_rows_are_read():
    assert judged(leaking(0.0), rows=None) == []
    assert judged(leaking(0.2), rows=None) == ["20 % of the rows on dev are also in train"]


def test_compared_rows_count_as_a_sample_of_the_rows_in_memory(monkeypatch):
    monkeypatch.setattr(instrument, "HASHED_ROWS", 500)
    found = measured(leaking(1.0, 2_000, 2_000))
    assert found.train.duplicates == Twins(500, 0, 0.25, every=False)
    assert found.shared_rows["dev"].interval.low < 1.0 <= found.shared_rows["dev"].interval.high
    assert "may also be in train" in judged(leaking(0.0, 2_000, 2_000))
    assert judged(leaking(0.0, 2_000, 2_000), rows=None) == []  # --rows all


def test_a_sample_finds_a_dev_set_cut_from_train_at_even_steps(monkeypatch):
    monkeypatch.setattr(instrument, "HASHED_ROWS", 500)
    x = np.random.default_rng(0).normal(size=(1_000, 3))
    found = measured(table(x, np.zeros(1_000, int), dev=(x[1::2], np.zeros(500, int))))
    assert found.shared_rows["dev"].share > 0.8


def test_label_autocorrelation_is_high_for_sorted_rows_only():
    y = np.repeat([0, 1, 2], 100)
    x = np.ones((300, 2))
    shuffled = np.random.default_rng(0).permutation(y)
    assert measured(table(x, y)).train.label_autocorrelation > 0.95
    assert abs(measured(table(x, shuffled)).train.label_autocorrelation) < 0.2
    assert (
        abs(measured(table(x, np.eye(3)[shuffled], loss="categorical_crossentropy")).train.label_autocorrelation) < 0.2
    )


def test_large_files_are_sampled(tmp_path, monkeypatch):
    monkeypatch.setattr(instrument, "CELLS", 4_000)
    monkeypatch.setattr(instrument, "CHUNK", 500)
    file = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype="float32", shape=(5_000, 4))
    file[:] = np.random.default_rng(0).normal(3, 2, file.shape)
    subject = table(file, np.zeros(5_000, int))
    found = measured(subject).train
    assert (found.rows, found.rows_used) == (5_000, 1_000)
    assert found.inputs[0].mean == pytest.approx([3] * 4, abs=0.3)
    assert measured(subject, rows=300).train.rows_used == 300


def test_feature_names_are_recorded():
    subject = replace(sequential(), feature_names=tuple("abcdef"), input_names=("row",))
    found = measured(subject).train.inputs[0]
    assert (found.name, found.feature_names) == ("row", tuple("abcdef"))
