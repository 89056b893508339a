"""Baselines: scores of simple models, and whether there is a signal."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from diagnose.measurements import Baseline, OutputBaseline, Unavailable
from diagnose.measuring import baseline as instrument
from diagnose.measuring.baseline import baseline
from diagnose.measuring.bench import Bench
from diagnose.measuring.evaluation import evaluation
from diagnose.settings import Settings
from diagnose.subject import Output, Subject, Task
from tests.measuring.subjects import digits, numbers, subject


def measure(case: Subject) -> OutputBaseline:
    with Bench(case, Settings()) as bench:
        found = baseline(bench, {})
    assert isinstance(found, Baseline)
    return found.outputs[0]


def test_an_untrained_net_is_far_behind_the_baselines() -> None:
    found = measure(digits())
    assert found.signal
    assert found.best.skill > 0.8
    assert found.net_skill < 0.4
    assert found.difference_interval.low > 0.3
    assert {candidate.name for candidate in found.candidates} >= {"constant", "logistic regression"}


def test_a_trained_net_is_not_behind_the_baselines() -> None:
    found = measure(digits(epochs=15))
    assert found.difference_interval.low < 0.03


def test_noise_has_no_signal() -> None:
    generator = np.random.default_rng(1)
    found = measure(numbers(generator.normal(size=400), generator.normal(size=(400, 5)).astype("float32")))
    assert not found.signal
    assert found.best.skill < 0.1


def test_a_linear_target_is_fitted_in_its_own_units() -> None:
    x = np.random.default_rng(0).normal(size=(400, 3)).astype("float32")
    found = measure(numbers(100 * (x @ np.array([1.0, -2.0, 0.5])), x))
    assert found.signal
    assert found.best.name == "ridge"
    assert found.best.error < 2.0
    assert found.net_error > 50


def test_tokens_become_bags_of_words() -> None:
    generator = np.random.default_rng(0)
    tokens = generator.integers(1, 50, size=(400, 20))
    labels = (tokens == 7).any(axis=1).astype("int64")
    model = keras.Sequential(
        [
            keras.Input((20,), dtype="int32"),
            keras.layers.Embedding(50, 4),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    output = Output("out", Task.BINARY, "binary_crossentropy", classes=2)
    found = measure(subject(model, (tokens,), (labels,), output, epochs=0, dev=True))
    assert found.best.skill > 0.8


def test_two_runs_agree_except_for_the_seconds() -> None:
    first, again = measure(digits(epochs=1)), measure(digits(epochs=1))
    assert (first.difference, first.null_skill) == (again.difference, again.null_skill)
    assert [c.error for c in first.candidates] == [c.error for c in again.candidates]


def test_one_class_has_no_baseline() -> None:
    case = digits()
    case.train.targets[0][:] = 3
    with Bench(case, Settings()) as bench:
        assert isinstance(baseline(bench, {}), Unavailable)


def test_labels_of_other_rows_on_dev_leave_a_signal_within_train() -> None:
    case = digits()
    assert case.dev is not None
    shuffled = np.random.default_rng(0).permutation(case.dev.targets[0])
    found = measure(replace(case, dev=replace(case.dev, targets=(shuffled,))))
    within, own = found.within_split("train"), found.within_split("dev")
    assert within is not None and within.signal and within.skill > 0.8
    assert not found.signal
    assert own is not None and not own.signal


def test_noise_has_no_signal_within_a_split() -> None:
    generator = np.random.default_rng(1)
    found = measure(numbers(generator.normal(size=400), generator.normal(size=(400, 5)).astype("float32")))
    assert [one.signal for one in found.within] == [False, False]


def test_rows_held_out_from_train_are_not_split_again() -> None:
    assert measure(digits(dev=False)).within == ()


def test_texts_are_told_apart_by_their_words() -> None:
    generator = np.random.default_rng(0)
    every = np.array(["bread", "milk", "sugar", "salt", "rice", "tea", "poor", "fine"])
    texts = np.array([" ".join(words) for words in generator.choice(every, size=(400, 6))])
    labels = np.array(["fine" in text and "poor" not in text for text in texts]).astype("int64")
    vectorise = keras.layers.TextVectorization(50, output_mode="multi_hot")
    vectorise.adapt(texts)
    model = keras.Sequential([keras.Input((), dtype="string"), vectorise, keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    output = Output("out", Task.BINARY, "binary_crossentropy", classes=2)
    found = measure(subject(model, (texts.astype(object),), (labels,), output, epochs=0, dev=True))
    assert found.signal and found.best.skill > 0.8
    assert "logistic regression" in {candidate.name for candidate in found.candidates}


def test_a_series_is_also_predicted_by_copying_a_value() -> None:
    generator = np.random.default_rng(0)
    season = np.tile(generator.normal(size=7), 100)
    walk = np.cumsum(generator.normal(size=700)).astype("float32")
    for values, best in ((season, "value a season ago"), (walk, "last value")):
        windows = np.lib.stride_tricks.sliding_window_view(values, 9).astype("float32")
        model = keras.Sequential([keras.Input((8, 1)), keras.layers.LSTM(4), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        output = Output("y", Task.REGRESSION, "mean_squared_error")
        x, y = windows[:, :8, None], windows[:, 8]
        found = measure(subject(model, (x,), (y,), output, epochs=0, dev=True))
        errors = {candidate.name: candidate.error for candidate in found.candidates}
        copies = {name: errors[name] for name in ("last value", "value a season ago")}
        assert min(copies, key=lambda name: copies[name]) == best
        assert copies[best] < 0.5 * errors["constant"]
    assert errors["last value"] < 1.2  # the step of the walk has a deviation of 1


def test_targets_that_slipped_by_a_few_rows_are_found_and_autocorrelated_ones_are_not() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(600, 4)).astype("float32")
    y = (x @ [1.0, 2.0, -1.0, 0.5]).astype("float32")
    slipped = np.concatenate([y[:450], np.roll(y[450:], 3)])
    found = measure(numbers(slipped, x)).slip
    assert found is not None and (found.rows, found.better.low > 0) == (3, True)
    assert found.skill > 0.95
    values = np.cumsum(generator.normal(size=608)).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(values, 9)
    series = measure(numbers(windows[:, 8], windows[:, :8]))
    assert series.slip is not None and series.best.skill > 0.8  # the target of the row before is in the window


def test_tags_and_masks_are_told_by_what_is_at_their_position() -> None:
    generator = np.random.default_rng(0)
    tokens = generator.integers(1, 30, size=(200, 12)).astype("int32")
    tags = tokens % 3
    tagger = keras.Sequential([keras.Input((12,), dtype="int32"), keras.layers.Embedding(30, 3)])
    tagger.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    output = Output("y", Task.MULTICLASS, "sparse_categorical_crossentropy", True, classes=3)
    found = measure(subject(tagger, (tokens,), (tags,), output, epochs=0, dev=True))
    assert (found.best.name, found.best.error) == ("most frequent class of each token", 0.0)
    assert found.signal and found.difference_interval.low > 0.3
    assert [(one.split, one.signal) for one in found.within] == [("train", True)]
    pictures = generator.random((60, 16, 16, 1)).astype("float32")
    masks = (pictures > 0.8).astype("int64")
    net = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Conv2D(1, 1, activation="sigmoid")])
    net.compile("sgd", "binary_crossentropy")
    output = Output("y", Task.BINARY, "binary_crossentropy", classes=2)
    found = measure(subject(net, (pictures,), (masks,), output, epochs=0, dev=True))
    assert found.best.skill > 0.9 and "neighbourhood" in found.best.name


@pytest.mark.parametrize(("scale", "noise", "copied"), [(1.0, 0.0, True), (1 / 255, 0.0, True), (1.0, 0.1, False)])
def test_targets_that_are_the_inputs_have_no_baseline(scale: float, noise: float, copied: bool) -> None:
    """A linear model copies them, which says nothing about an autoencoder; one that removes noise has a baseline."""
    generator = np.random.default_rng(0)
    y = generator.normal(size=(400, 6)).astype("float32")
    x = y / scale + noise * generator.normal(size=y.shape).astype("float32")
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2), keras.layers.Dense(6)])
    model.compile("adam", "mean_squared_error")
    output = Output("out", Task.REGRESSION, "mean_squared_error")
    with Bench(subject(model, (x,), (y,), output, epochs=0, dev=True), Settings()) as bench:
        found = baseline(bench, {})
    assert isinstance(found, Unavailable) is copied
    if isinstance(found, Unavailable):
        assert found.reason == "the targets are the inputs, which any linear model copies"


def test_the_net_and_the_constant_are_judged_as_in_the_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the baselines see few rows of train, in which another class is the most frequent."""
    monkeypatch.setattr(instrument, "TRAIN_ROWS", 10)
    y = np.concatenate([np.tile([0, 1], 148), [1] * 4, np.repeat([0, 1], [60, 40])])  # train: 152 of 300 are 1
    x = (np.random.default_rng(0).normal(size=(400, 3)) + 0.3 * y[:, None]).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    output = Output("out", Task.BINARY, "binary_crossentropy", classes=2)
    with Bench(subject(model, (x,), (y,), output, epochs=0, dev=True), Settings()) as bench:
        judged = evaluation(bench, {}).score("dev", "out")
        found = baseline(bench, {})
    assert isinstance(found, Baseline) and judged is not None
    (compared,) = found.outputs
    assert (compared.net_error, compared.net_skill) == (judged.error, judged.skill)
    assert compared.candidates[0].error == judged.constant_error and compared.candidates[0].skill == 0
