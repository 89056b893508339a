"""What is tried on a model that learns: every option trains, and what it changes is what Keras does."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from diagnose.applying import script_of
from diagnose.diagnosis import Remedy
from diagnose.measuring.bench import Bench
from diagnose.measuring.training import own_training
from diagnose.reasoning.causes import CAUSES
from diagnose.reasoning.payoffs import UNMEASURED as NO_PAYOFF
from diagnose.reasoning.remedies import REMEDIES
from diagnose.reasoning.snippets import values_of
from diagnose.settings import Settings
from diagnose.trials.averaging import moments
from diagnose.trials.interventions.augmenting import CUTMIX, INPUT_NOISE, MIXUP, WORD_DROPOUT
from diagnose.trials.interventions.generalising import AVERAGED_WEIGHTS, WEIGHTS_OF_THE_TAIL
from diagnose.trials.interventions.optimizer import (
    ANNEAL,
    MOMENTUM_ADDED,
    ONE_CYCLE,
    RESTARTS,
    SMALLER_BATCHES,
    TRIANGLES,
)
from diagnose.trials.interventions.soft_labels import LABEL_SMOOTHING
from diagnose.trials.interventions.structure import BIGGER, DEEPER, NORMALISED, RESIDUAL, first_units
from diagnose.trials.paired import built, carried_out, plan_of, trainer_for
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan, apply_all
from tests.trials.models import (
    CLASSES,
    CONVOLUTION,
    IMAGE,
    OVER_SOON,
    READING,
    ROWS,
    SCENES,
    SOFTMAX,
    Scene,
    dense,
    functional,
    net,
)

BY_CODE = {remedy.code: remedy for remedy in REMEDIES}
UNSWEPT = [scene for scene in SCENES if scene.code == "warm-up" and scene.swept is None]  # no rate to rise to
OPTIONS = [scene for scene in SCENES if BY_CODE[scene.code].option is not None and scene not in UNSWEPT]
PLAIN = Scene("plain", net(dense(), dense(), SOFTMAX))
POOLED = (layers.Conv2D(CLASSES, 3), layers.GlobalAveragePooling2D(), layers.Softmax())
FALLING = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
STEPS = 12


def changed_by(intervention: Intervention, scene: Scene, **fields: Any) -> TrainingPlan | DoesNotApply:
    with Bench(scene.subject(), Settings()) as bench:
        return intervention.change(replace(plan_of(bench, {}), **fields))


def trained(bench: Bench, plan: TrainingPlan) -> tuple[np.ndarray, list[np.ndarray]]:
    """The losses and the last weights of one short training."""
    with trainer_for(bench, plan) as (trainer, starts):
        seed, start = next(iter(starts.items()))
        trainer.begin(start, seed)
        losses = carried_out(bench, trainer, plan, plan.rates[0][:STEPS]).losses
        assert np.isfinite(trainer.judge_dev().loss)
        return losses, trainer.model.get_weights()


@pytest.mark.parametrize("scene", OPTIONS, ids=lambda scene: f"{scene.code}-{scene.labels}")
def test_every_option_trains_and_does_the_same_again(scene: Scene) -> None:
    option = BY_CODE[scene.code].option
    assert option is not None
    with Bench(scene.subject(), Settings()) as bench:
        own = plan_of(bench, scene.measured)
        plan = option.change(own)
        assert isinstance(plan, TrainingPlan), plan
        first, weights = trained(bench, plan)
        again, same = trained(bench, plan)
        without, unchanged = trained(bench, own)
    assert np.isfinite(first).all() and len(first) == STEPS
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(weights[0], same[0])
    shapes = [one.shape for one in weights] != [one.shape for one in unchanged]
    assert shapes or not np.array_equal(first, without) or not np.array_equal(weights[-1], unchanged[-1])


def test_options_can_be_combined() -> None:
    options = (LABEL_SMOOTHING, MIXUP, NORMALISED, DEEPER, RESIDUAL, INPUT_NOISE, AVERAGED_WEIGHTS, ANNEAL)
    with Bench(PLAIN.subject(), Settings()) as bench:
        plan = apply_all(plan_of(bench, {}), options)
        assert len(plan.changes) == len(options), plan.changes
        losses, _ = trained(bench, plan)
    assert np.isfinite(losses).all()


@pytest.mark.parametrize(
    "code", ["mixup", "smaller-batches", "anneal-learning-rate", "keep-best-weights", "stochastic-weight-averaging"]
)
def test_the_script_trains_and_the_model_stays_of_its_class(code: str) -> None:
    subject = replace(PLAIN, batch_size=ROWS, epochs=2).subject()
    values, remedy = values_of(subject, {}), BY_CODE[code]
    shown = Remedy(code, remedy.title, remedy.why, values.fill(remedy.snippet), (), NO_PAYOFF, remedy.cost)
    names: dict[str, Any] = {}
    exec(compile(script_of([shown], 2, ROWS, 0), "better.py", "exec"), names)
    x, y = PLAIN.rows()
    model, history = names["better"](subject.model, x, y, x[:12], y[:12])
    assert len(history["val_loss"]) == 2 and np.isfinite(history["loss"]).all()
    assert type(model) is type(subject.model)


def test_averaged_weights_end_as_fit_ends() -> None:
    subject = PLAIN.subject()
    with Bench(subject, Settings()) as bench:
        plan = AVERAGED_WEIGHTS.change(plan_of(bench, {}))
        assert isinstance(plan, TrainingPlan)
        with trainer_for(bench, plan) as (trainer, starts):
            trainer.begin(starts[0], 0)
            order = np.stack([next(trainer._order) for _ in range(6)])
            trainer.begin(starts[0], 0)
            trainer.run(plan.rates[0][:6])
            last = trainer.model.get_weights()
            trainer.end()
            ours = trainer.model.get_weights()
        model, optimizer = built(plan, 0)
        model.compile(optimizer, subject.model.loss)
        model.set_weights(starts[0])
        x, y = (part[0][order.ravel()] for part in (plan.train.inputs, plan.train.targets))
        model.fit(x, y, batch_size=plan.batch_size, epochs=1, shuffle=False, verbose=0)
    assert not np.allclose(last[0], ours[0])
    for one, other in zip(ours, model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_stochastic_weight_averaging_ends_as_the_snippet_ends() -> None:
    scene = Scene("swa", net(dense(), layers.BatchNormalization(), SOFTMAX), batch_size=ROWS, epochs=10)
    subject, remedy = scene.subject(), BY_CODE["stochastic-weight-averaging"]
    snippet = values_of(subject, {}).fill(remedy.snippet)
    defined = snippet[: snippet.index("old = model")]
    with Bench(subject, Settings()) as bench:
        plan = WEIGHTS_OF_THE_TAIL.change(plan_of(bench, {}))
        assert isinstance(plan, TrainingPlan)
        with trainer_for(bench, plan) as (trainer, starts):
            trainer.begin(starts[0], 0)
            carried_out(bench, trainer, plan, np.full(40, 0.1))
            ours = trainer.model.get_weights()
        model, optimizer = built(plan, 0)
        model.compile(optimizer, subject.model.loss)
        x, y = plan.train.inputs[0], plan.train.targets[0]

        def ended(**others: Any) -> tuple[Any, Any]:
            """The callback and the weights at the end, with other functions in place of those of the snippet."""
            names: dict[str, Any] = {"model": model, "x_train": x}
            exec(compile(defined, "mean", "exec"), names)
            names |= others
            model.set_weights(starts[0])
            optimizer.build(model.trainable_variables)
            for variable, start in zip(optimizer.variables, fresh, strict=True):
                variable.assign(start)
            mean = names["Mean"]()
            model.fit(x, y, batch_size=ROWS, epochs=40, callbacks=[mean], verbose=0)
            return mean, model.get_weights()

        optimizer.build(model.trainable_variables)
        fresh = [variable.numpy() for variable in optimizer.variables]
        _, as_moved = ended(normalisations=lambda part: [])
        mean, theirs = ended()
    assert len(mean.taken) == 10  # the last quarter of 40 steps has no more
    assert not all(map(np.allclose, as_moved, ours))  # the moving statistics are others
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_an_average_of_a_training_that_breaks_down_is_left_out() -> None:
    with Bench(PLAIN.subject(), Settings()) as bench:
        plan = WEIGHTS_OF_THE_TAIL.change(plan_of(bench, {}))
        assert isinstance(plan, TrainingPlan)
        with trainer_for(bench, plan) as (trainer, starts):
            trainer.begin(starts[0], 0)
            course = carried_out(bench, trainer, plan, np.full(40, 1e30))
    assert course.non_finite_step is not None and len(course.losses) == course.non_finite_step + 1
    assert [list(moments(*given)) for given in ((1, 0.25), (2, 0.25), (8, 0.25))] == [[0, 1], [1, 2], [6, 7, 8]]
    assert len(moments(4_000, 0.25)) == 21 and moments(4_000, 0.25)[0] == 3_000


def test_a_user_who_averages_weights_is_judged_by_the_average() -> None:
    averaging = replace(PLAIN, optimizer=lambda: keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9))
    with Bench(averaging.subject(), Settings()) as bench, own_training(bench) as trainer:
        trainer.begin(bench.weights(0), 0)
        trainer.run(np.full(4, 0.1))
        before = trainer.judge_dev().loss
        trainer.end()
        assert trainer.judge_dev().loss != before
    for option in (AVERAGED_WEIGHTS, WEIGHTS_OF_THE_TAIL):
        assert isinstance(refused := changed_by(option, averaging), DoesNotApply) and refused.needless
    twice = changed_by(AVERAGED_WEIGHTS, PLAIN, averaged=0.25)
    assert isinstance(twice, DoesNotApply) and "averaged already" in twice.reason


def test_annealing_rises_to_the_users_rate_and_falls_to_zero() -> None:
    plan = changed_by(ANNEAL, PLAIN)
    assert isinstance(plan, TrainingPlan)
    rates = plan.rates[0]
    assert len(rates) == plan.steps and rates.max() == pytest.approx(0.1) and rates.argmax() == plan.steps // 10
    assert rates[0] == 0 and rates[-1] < 1e-5
    assert isinstance(changed_by(ANNEAL, PLAIN, steps=1, rates=(np.array([0.1]),)), TrainingPlan)


def test_a_rate_with_restarts_falls_three_times_and_ends_near_zero() -> None:
    plan = changed_by(RESTARTS, PLAIN)
    assert isinstance(plan, TrainingPlan)
    rates = plan.rates[0]
    starts = np.flatnonzero(np.diff(rates) > 0.05) + 1
    assert len(rates) == plan.steps and rates[0] == rates.max() == pytest.approx(0.1)
    lengths = np.diff([0, *starts, plan.steps])
    assert len(lengths) == 3 and np.allclose(lengths / lengths[0], [1, 2, 4], atol=0.2) and rates[-1] < 1e-3


def test_a_cyclical_rate_rises_three_times_from_a_quarter_to_the_users() -> None:
    plan = changed_by(TRIANGLES, PLAIN)
    assert isinstance(plan, TrainingPlan)
    rates = plan.rates[0]
    tops = np.flatnonzero((rates[1:-1] > rates[:-2]) & (rates[1:-1] >= rates[2:])) + 1
    assert len(rates) == plan.steps and np.allclose(tops / plan.steps, [1 / 6, 1 / 2, 5 / 6], atol=0.02)
    assert rates[0] == rates.min() == pytest.approx(0.025) and rates.max() == pytest.approx(0.1, rel=0.02)
    short = changed_by(TRIANGLES, PLAIN, steps=11, rates=(np.full(11, 0.1),))
    assert isinstance(short, DoesNotApply) and "too short" in short.reason


def test_smaller_batches_see_every_row_as_often() -> None:
    scene = replace(PLAIN, batch_size=ROWS)
    with Bench(scene.subject(), Settings()) as bench:
        own = plan_of(bench, {})
        plan = SMALLER_BATCHES.change(own)
    assert isinstance(plan, TrainingPlan)
    assert plan.batch_size * plan.steps == own.batch_size * own.steps and plan.batch_size < own.batch_size
    assert len(plan.rates[0]) == plan.steps


def test_a_net_with_small_batches_is_normalised_by_row() -> None:
    for size, kind in ((8, "LayerNormalization"), (ROWS, "BatchNormalization")):
        plan = changed_by(NORMALISED, replace(PLAIN, batch_size=size))
        assert isinstance(plan, TrainingPlan) and plan.what == f"{kind} after every hidden layer"


def test_dropped_words_leave_the_mask_alone() -> None:
    scene = Scene("words", net(*READING, shape=(4,)), words=4, shape=(4,))
    plan = changed_by(WORD_DROPOUT, scene)
    assert isinstance(plan, TrainingPlan)
    model, _ = built(plan, 0)
    padded, cut = np.array([[3, 4, 0, 0]]), np.array([[3, 4]])
    np.testing.assert_allclose(model(padded), model(cut), atol=1e-6)
    inside = model.layers[0]
    words = np.asarray(inside(np.arange(1, 20)[None].repeat(50, 0), training=True))
    dropped = (words == 0).all(axis=-1)
    assert 0.05 < dropped.mean() < 0.2 and ((words == 0).any(axis=-1) == dropped).all()


def test_noise_is_as_large_as_a_tenth_of_the_spread_of_each_column() -> None:
    scene = replace(PLAIN, scale=100.0)
    with Bench(scene.subject(), Settings()) as bench:
        plan = INPUT_NOISE.change(plan_of(bench, {}))
        assert isinstance(plan, TrainingPlan)
        model, _ = built(plan, 0)
    rows = plan.train.inputs[0]
    noisy = rows
    for layer in model.layers[:3]:
        noisy = layer(noisy, training=True)
    spread = (np.asarray(noisy) - rows).std(axis=0)
    assert np.allclose(spread[1:], 0.1 * rows.std(axis=0)[1:], rtol=0.4) and spread[0] < 1
    np.testing.assert_allclose(model.layers[2](model.layers[0](rows)), rows, rtol=1e-5)


def test_a_net_without_hidden_layer_gets_one_of_a_size_between_inputs_and_outputs() -> None:
    plan = changed_by(BIGGER, Scene("linear", net(SOFTMAX)))
    assert isinstance(plan, TrainingPlan) and plan.what == "a first hidden layer"
    assert [first_units(*ends) for ends in ((6, 3), (784, 10), (3_000, 100), (150_000, 10))] == [32, 89, 512, 512]


@pytest.mark.parametrize(
    ("option", "scene", "why", "needless"),
    [
        (MIXUP, Scene("words", net(*READING, shape=(4,)), words=4, shape=(4,)), "cannot be mixed", False),
        (MIXUP, Scene("numbers", net(dense(), dense(1, None)), "mse", "numbers"), "not a cross-entropy", False),
        (LABEL_SMOOTHING, replace(PLAIN, loss="mean_squared_error", labels="one-hot"), "not a cross-entropy", False),
        (INPUT_NOISE, Scene("image", net(*CONVOLUTION, shape=IMAGE), shape=IMAGE), "one table of numbers", False),
        (INPUT_NOISE, Scene("noisy", net(layers.GaussianNoise(0.1), dense(), SOFTMAX)), "already adds noise", True),
        (WORD_DROPOUT, PLAIN, "no Embedding layer", False),
        (NORMALISED, Scene("bn", net(dense(), layers.BatchNormalization(), SOFTMAX)), "already normalises", True),
        (RESIDUAL, Scene("linked", functional(residual=True)), "already has links", True),
        (RESIDUAL, Scene("one", net(dense(), SOFTMAX)), "in the shape of its inputs", False),
        (DEEPER, Scene("none", net(SOFTMAX)), "could be repeated", False),
        (BIGGER, Scene("conv", net(*POOLED, shape=IMAGE), shape=IMAGE), "no Dense layer gives", False),
        (CUTMIX, PLAIN, "not one image", False),
        (CUTMIX, Scene("small", net(*POOLED, shape=(6, 6, 1)), shape=(6, 6, 1)), "smaller than 8", False),
        (
            CUTMIX,
            Scene("numbers", net(*POOLED[:2], dense(1), shape=IMAGE), "mse", "numbers", shape=IMAGE),
            "not a",
            False,
        ),
        (MOMENTUM_ADDED, PLAIN, "already has momentum", True),
        (SMALLER_BATCHES, PLAIN, "about 8 rows", True),
        (RESTARTS, replace(PLAIN, optimizer=lambda: keras.optimizers.SGD(FALLING)), "already has a schedule", True),
    ],
    ids=lambda value: value.code if isinstance(value, Scene) else None,
)
def test_what_does_not_apply_says_why(option: Intervention, scene: Scene, why: str, needless: bool) -> None:
    refused = changed_by(option, scene)
    assert isinstance(refused, DoesNotApply), refused
    assert why in refused.reason and refused.needless is needless


@pytest.mark.parametrize("option", [RESTARTS, TRIANGLES, ANNEAL, ONE_CYCLE], ids=lambda one: one.about)
def test_a_schedule_that_is_over_soon_is_replaced(option: Intervention) -> None:
    scene = replace(PLAIN, optimizer=lambda: keras.optimizers.SGD(OVER_SOON))
    plan = changed_by(option, scene, usable_rate=0.05)
    assert isinstance(plan, TrainingPlan) and plan.rates[0].mean() > 0.01


def test_every_option_is_a_remedy_of_bias_or_variance() -> None:
    of_directions = {r.code for cause in CAUSES if cause.code in ("high-bias", "high-variance") for r in cause.remedies}
    assert {remedy.code for remedy in REMEDIES if remedy.option is not None} <= of_directions
