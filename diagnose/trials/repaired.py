"""The repaired copy: trained as long as the user's own model, and evaluated, to see what is left to do then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from diagnose.checks.reading.gaps import Gap, level, scale_of
from diagnose.diagnosis import Effect
from diagnose.findings import Interval
from diagnose.measurements import (
    DOES_NOT_APPLY,
    Array,
    Evaluation,
    Measurements,
    NotMeasured,
    Repaired,
    Score,
    SplitScores,
)
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import compile_like
from diagnose.measuring.evaluation import evaluation
from diagnose.measuring.planning import Planner
from diagnose.measuring.training import Scale, judging_steps
from diagnose.measuring.work import Work
from diagnose.trials.dev_error import METRICS, DevError, helps, in_units
from diagnose.trials.joining import Trial
from diagnose.trials.largest import run_largest
from diagnose.trials.paired import carried_out, plan_of, trainer_for
from diagnose.trials.plan import DoesNotApply, TrainingPlan

if TYPE_CHECKING:
    from diagnose.checks.reading.remaining import Remaining
    from diagnose.subject import Subject

TITLE = "repaired copy"
OTHER_ROWS = "the repair changes the rows, so that errors are not compared"
SIZES = (1.0, 0.5)  # shares of the user's own number of steps


def measure_repaired(planner: Planner, measured: Measurements, trial: Trial, effect: Effect) -> Repaired | None:
    """Train a copy with the change that repairs the model; None if that is not possible, which is recorded.

    Args:
        planner, measured: of the examination.
        trial: the change.
        effect: what was seen of it, with the learning rate that its trial chose.
    """
    bench = planner.bench

    def work(size: float) -> Work:
        own = plan_of(bench, measured, DevError.steps(bench, size))
        plan = trial.intervention.change(own)
        steps = own.steps if isinstance(plan, DoesNotApply) else trial.intervention.cost * plan.steps
        return Work(steps=steps + 4 * judging_steps(bench), loops=2)

    return run_largest(
        planner,
        TITLE,
        SIZES,
        work,
        lambda size: _repaired(bench, measured, trial, effect, DevError.steps(bench, size)),
    )


def _repaired(bench: Bench, measured: Measurements, trial: Trial, effect: Effect, steps: int) -> Repaired:
    own = plan_of(bench, measured, steps)
    plan = trial.intervention.change(own)
    if isinstance(plan, DoesNotApply):
        raise NotMeasured(plan.reason, DOES_NOT_APPLY)
    rows = repaired_rows(bench.subject, own, plan)
    rates = rates_as_tried(plan, effect)
    with trainer_for(bench, replace(plan, seeds=plan.seeds[:1])) as (trainer, starts):
        for seed, start in starts.items():
            trainer.begin(start, seed)
            carried_out(bench, trainer, plan, rates)
        model = in_users_unit(trainer.model, plan) if plan.target_scales else trainer.model
        with Bench(replace(rows, model=model, outputs=plan.outputs), bench.settings) as copy:
            return Repaired(plan.what, plan.steps, evaluation(copy, {}))


def rates_as_tried(plan: TrainingPlan, effect: Effect) -> Array:
    """The candidate learning rates of a plan that its trial chose."""
    tried = effect.values.get(plan.rate_name)
    return min(plan.rates, key=lambda rates: abs(float(rates[0]) - float(tried))) if tried else plan.rates[0]


def repaired_rows(subject: Subject, own: TrainingPlan, plan: TrainingPlan) -> Subject:
    """The subject with the rows on which the copy is evaluated: its own, or with their inputs as the repair makes them.

    Raises:
        NotMeasured: the repair changes what is predicted, so that errors cannot be compared.
    """
    if plan.train is own.train and plan.dev is own.dev:
        return subject
    if subject.dev is None or not same_targets(own, plan):
        raise NotMeasured(OTHER_ROWS, DOES_NOT_APPLY)
    train, dev = plan.train, plan.dev
    if plan.target_scales:
        train, dev = (replace(new, targets=old.targets) for new, old in ((train, own.train), (dev, own.dev)))
    return replace(subject, train=train, dev=dev, test=None, train_dev=None)


def in_users_unit(model: Any, plan: TrainingPlan) -> Any:
    """A model that was trained on standardised targets, with outputs in the unit of the user's.

    Raises:
        NotMeasured: it is not functional, so that nothing can follow its outputs.
    """
    import keras

    net = getattr(model, "_functional", None) or model  # of a Sequential
    if not getattr(net, "outputs", None):
        raise NotMeasured(OTHER_ROWS, DOES_NOT_APPLY)

    def same_input(tensor: Any) -> Any:
        return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)

    def rescaled(name: str, scale: Scale | None, output: Any) -> Any:
        offset, factor = (0.0, 1.0) if scale is None else scale
        return keras.layers.Rescaling(factor, offset=offset, name=name)(output)

    inputs = keras.tree.map_structure(same_input, net._inputs_struct)
    each = zip(net.output_names, plan.target_scales, keras.tree.flatten(net(inputs)), strict=True)
    whole = keras.Model(inputs, keras.tree.pack_sequence_as(net._outputs_struct, [rescaled(*one) for one in each]))
    compile_like(whole, plan.model, loss_weights=plan.loss_weights)
    return whole


def same_targets(own: TrainingPlan, plan: TrainingPlan) -> bool:
    """Whether the dev rows have the same targets and weights in both plans, or the same ones in another unit, so that
    their errors can be compared.
    """
    kept = (plan.target_scales and not own.target_scales) or all(
        a is b for a, b in zip(plan.dev.targets, own.dev.targets, strict=True)
    )
    return bool(kept) and plan.dev.sample_weight is own.dev.sample_weight


def on_new_rows(left: Remaining, repaired: Repaired, cure: Effect) -> Effect | None:
    """What the repair brings on the dev rows; None if the errors cannot be compared.

    Args:
        left: the remaining error of the model.
        repaired: the copy; one training, so that the interval is that of the rows alone.
        cure: the effect of the repair on the train skill.
    """
    after = _of_output(repaired.evaluation, left.train.output)
    if left.unseen is None or after is None or after.task is not left.task or after.positions is not None:
        return None  # the error of many positions falls for a model that predicts the largest class everywhere
    scale = scale_of(left.train)
    gap = Gap(level(after, scale), level(left.unseen, scale))
    change = Interval(-gap.interval.high, -gap.interval.low)
    return replace(
        cure,
        before=left.unseen.error,
        after=after.error,
        interval=in_units(left.task, gap.upper.value, change, scale),
        seeds=1,
        restores=None,
        threshold=None,
        control="",
        steps=repaired.steps,
        output="" if left.alone else left.train.output,
        metric=METRICS.get(left.task, "dev error"),
        helps=helps(change, gap.upper.value),
    )


def _of_output(found: Evaluation, output: str) -> Score | None:
    scores = found.dev.scores if isinstance(found.dev, SplitScores) else ()
    return next((score for score in scores if score.output == output), None)
