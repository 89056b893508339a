"""Scores of models: the same numbers as Keras's `evaluate`, sampling, and converted inputs."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from diagnose.measurements import Unavailable
from diagnose.measuring import evaluation as instrument
from diagnose.measuring.bench import Bench
from diagnose.measuring.evaluation import conversions, evaluation
from diagnose.settings import Settings
from diagnose.subject import Seen
from tests.measuring.architectures import (
    EVERY,
    attention,
    autoencoder,
    labels,
    many_ends,
    numbers,
    sequential,
    subject_of,
    three,
)


def measured(subject, **settings):
    with Bench(subject, Settings(**settings)) as bench:
        return evaluation(bench, {})


@pytest.mark.parametrize("build", EVERY, ids=lambda build: build.__name__)
def test_losses_equal_those_of_keras_evaluate(build):
    subject = build()
    found = measured(subject).train
    inputs, targets = list(subject.train.inputs), list(subject.train.targets)
    if len(targets) == 2:
        targets = {"class": targets[0], "value": targets[1]}
    else:
        (inputs,), (targets,) = inputs, targets
    expected = subject.model.evaluate(inputs, targets, verbose=0, batch_size=48, return_dict=True)
    assert found.loss == pytest.approx(expected["loss"], rel=1e-4)
    assert (found.rows, found.seen, len(found.scores)) == (48, "yes", len(subject.outputs))
    for score in found.scores:
        assert score.own_loss == pytest.approx(score.loss, rel=1e-3)


def test_missing_splits_are_unavailable():
    subject = sequential()
    subject = replace(subject, dev=replace(subject.train, name="dev", seen=Seen.NO))
    found = measured(subject)
    assert (found.dev.split, found.dev.seen) == ("dev", "no")
    assert found.dev.scores[0].error == found.train.scores[0].error
    assert isinstance(found.test, Unavailable) and isinstance(found.train_dev, Unavailable)


def test_rows_that_train_does_not_have_are_scored_apart():
    subject = sequential()
    train = subject.train
    new = tuple(rows[:10] + 1 for rows in train.inputs)
    mixed = replace(
        train,
        name="dev",
        inputs=tuple(np.concatenate([rows[:20], other]) for rows, other in zip(train.inputs, new, strict=True)),
        targets=tuple(np.concatenate([rows[:20], rows[:10]]) for rows in train.targets),
    )
    alone = replace(train, name="test", inputs=new, targets=tuple(rows[:10] for rows in train.targets))
    found = measured(replace(subject, dev=mixed, test=alone))
    assert found.dev.new_rows == 10 and found.test.new_rows is None and found.train.new_rows is None
    assert found.dev.new[0].error == found.test.scores[0].error


def test_the_worst_rows_come_first():
    subject = autoencoder()
    worst = measured(subject).train.worst
    x = subject.train.inputs[0]
    losses = np.square(np.asarray(subject.model(x)) - x).mean(axis=1)
    assert list(worst[:5]) == np.argsort(-losses)[:5].tolist()
    assert len(worst) == 24


def test_batches_do_not_change_the_scores_and_rows_are_sampled(monkeypatch):
    subject = sequential()
    whole = measured(subject).train
    monkeypatch.setattr(instrument, "BATCH", 20)
    assert measured(subject).train.loss == pytest.approx(whole.loss, rel=1e-5)
    few = measured(subject, rows=30).train
    assert few.rows == few.scores[0].rows == 30
    assert set(few.worst) <= set(range(48))


def test_the_width_of_the_interval_determines_the_number_of_rows(monkeypatch):
    monkeypatch.setattr(instrument, "FIRST_ROWS", 200)
    monkeypatch.setattr(instrument, "RATE_HALF_WIDTH", 0.03)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(4_000, 6)).astype("float32")
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    hard = generator.integers(0, 3, 4_000)
    easy = np.asarray(model(x)).argmax(axis=1)
    found = measured(subject_of(model, (three(),), (x,), (hard,))).train
    assert 500 < found.rows < 2_000
    assert found.scores[0].error_interval.high - found.scores[0].error_interval.low == pytest.approx(0.06, abs=0.01)
    assert measured(subject_of(model, (three(),), (x,), (easy,))).train.rows == 200
    assert measured(subject_of(model, (three(),), (x,), (hard,)), rows=None).train.rows == 4_000


def test_logits_and_labels_that_the_loss_rejects():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    subject = subject_of(model, (three(from_logits=True),), (numbers(6),), (labels(3),))
    score = measured(subject).train.scores[0]
    assert score.own_loss == pytest.approx(score.loss, rel=1e-4)
    subject = subject_of(model, (three(from_logits=True),), (numbers(6),), (labels(3) + 1,))
    refused = measured(subject).train
    assert (refused.scores[0].own_loss, refused.loss) == (None, None)
    assert refused.scores[0].error >= np.mean(labels(3) == 2)


def test_conversions_find_the_scale_of_the_training_inputs():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).uniform(0, 1, (400, 6)).astype("float32")
    y = np.digitize(x[:, 0], [0.33, 0.66])
    model.fit(x, y, epochs=30, verbose=0)
    with Bench(subject_of(model, (three(),), (x * 255,), (y,)), Settings()) as bench:
        found = conversions(bench, {})
    gains = {name: (scores[0].error, gain) for name, scores, gain in found.tried}
    assert list(gains) == ["x / 255", "x / 127.5 - 1", "standardised by column", "scaled to 0-1 by column"]
    assert gains["x / 255"][0] < 0.15
    assert gains["x / 255"][1].low > 0
    with Bench(subject_of(model, (three(),), (x,), (y,)), Settings()) as bench:
        kept = conversions(bench, {})
    assert [name for name, _, _ in kept.tried] == ["x * 255", "standardised by column"]
    assert all(gain.high < 0 for _, _, gain in kept.tried)


def test_tokens_are_not_converted():
    with Bench(attention(), Settings()) as bench:
        assert "no input of the model is numeric" in conversions(bench, {}).reason
    with Bench(many_ends(), Settings()) as bench:
        assert conversions(bench, {}).rows == 48
