"""Trainers for plans: all start from the same initial weights, with the same order of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from diagnose.measurements import Array, Backward, LearningRate, Measurements, SweepPoint
from diagnose.measuring import copying
from diagnose.measuring.bench import Bench
from diagnose.measuring.learning_rate import highest_rate
from diagnose.measuring.training import Course, Trainer, own_training
from diagnose.trials.averaging import run_averaging
from diagnose.trials.plan import TrainingPlan

STEPS = (300, 600)  # of one training: the user's own number, clipped to this range
SEEDS = 3
LAST = "last trainer of the own model"


def trial_steps(bench: Bench) -> int:
    """Return the steps of one training at full size."""
    return int(np.clip(bench.subject.steps or STEPS[0], *STEPS))


def plan_of(bench: Bench, measured: Measurements, steps: int | None = None) -> TrainingPlan:
    """Return a short training with the user's own optimizer, learning rates (with schedule), batch size and loss.

    `steps` is its length, by default the usual one of a trial.
    """
    optimizer = bench.subject.model.optimizer
    steps = trial_steps(bench) if steps is None else steps
    train, dev = bench.holdout()
    sweep, backward = measured.get(LearningRate), measured.get(Backward)
    seed = bench.settings.seed
    return TrainingPlan(
        model=bench.subject.model,
        outputs=bench.subject.outputs,
        train=train,
        dev=dev,
        optimizer=optimizer,
        rates=(copying.learning_rates(optimizer, steps),),
        batch_size=bench.batch_size,
        steps=steps,
        seeds=tuple(range(seed, seed + SEEDS)),
        usable_rate=sweep.usable if isinstance(sweep, LearningRate) else None,
        best_rate=_best_rate(sweep.sweep, optimizer) if isinstance(sweep, LearningRate) else None,
        reachable=tuple(sweep.of(output.name).reachable for output in bench.subject.outputs)
        if isinstance(sweep, LearningRate)
        else (1.0,) * len(bench.subject.outputs),
        gradient_norms=backward.norms_by_output if isinstance(backward, Backward) else (),
        factory=bench.factory,
    )


def _best_rate(sweep: tuple[SweepPoint, ...], optimizer: Any) -> float | None:
    sane = [point for point in sweep if point.rate <= highest_rate(optimizer) * (1 + 1e-6)]
    return max(sane, key=lambda point: float(point.merit.mean())).rate if sane else None


def needs_compiling(plan: TrainingPlan, own: TrainingPlan) -> bool:
    """Whether the plan needs a training loop of its own, which has to be compiled."""
    return not _is_own(plan, own.optimizer, own.train, own.batch_size)


def _is_own(plan: TrainingPlan, optimizer: Any, train: Any, batch_size: int) -> bool:
    same = plan.optimizer is optimizer and plan.train is train and plan.batch_size == batch_size
    return plan.keeps_model and same and not plan.batches


@contextmanager
def trainer_for(bench: Bench, plan: TrainingPlan) -> Iterator[tuple[Trainer, dict[int, copying.Weights]]]:
    """Yield the trainer of this plan, and the initial weights by seed."""
    if _is_own(plan, bench.subject.model.optimizer, bench.holdout()[0], bench.batch_size):
        with own_training(bench) as trainer:
            yield trainer, {seed: bench.weights(seed) for seed in plan.seeds}
        return
    if plan.keeps_model:
        with bench.at(None) as model:
            trainer = _of_own_model(bench, plan, model)
            yield trainer, {seed: bench.weights(seed) for seed in plan.seeds}
        return
    model, optimizer = built(plan, bench.settings.seed)
    trainer = _trainer(bench, plan, model, optimizer)
    yield trainer, {seed: bench.with_preserved_weights(_copy(plan, seed).get_weights()) for seed in plan.seeds}


def carried_out(bench: Bench, trainer: Trainer, plan: TrainingPlan, rates: Array) -> Course:
    """Train as the plan says, one step per rate, with a trainer that has begun; then do what comes last."""
    if not plan.averaged:
        course = trainer.run(rates)
        trainer.end()
        return course
    return run_averaging(bench, trainer, plan.train, rates, plan.averaged)


def _of_own_model(bench: Bench, plan: TrainingPlan, model: Any) -> Trainer:
    """A trainer of the user's model; the last one again where the plans differ in their rates only."""
    judged = plan.judged.tobytes() if plan.judged is not None else b""
    same = (id(plan.optimizer), id(plan.train), id(plan.dev), plan.batch_size, plan.batches, judged)
    last = bench.cache.get(LAST)
    if last is None or last[0] != same:
        trainer = _trainer(bench, plan, model, copying.new_optimizer(plan.optimizer))
        bench.cache[LAST] = last = (same, trainer, plan)  # the plan, so that no other object gets one of its ids
    found: Trainer = last[1]
    return found


def _trainer(bench: Bench, plan: TrainingPlan, model: Any, optimizer: Any) -> Trainer:
    return Trainer(
        bench,
        model,
        optimizer,
        (plan.train, plan.dev),
        plan.outputs,
        batch_size=plan.batch_size,
        batches=plan.batches,
        judged=plan.judged,
        scales=plan.target_scales,
    )


def built(plan: TrainingPlan, seed: int) -> tuple[Any, Any]:
    """Return the compiled copy that the plan describes, with fresh weights, and its optimizer.

    Raises:
        NotMeasured: the copy cannot be built.
    """
    model = _copy(plan, seed)
    copying.compile_like(model, plan.model, loss_weights=plan.loss_weights)
    optimizer = copying.new_optimizer(plan.optimizer)
    if plan.loss is not None:
        model.compile(optimizer=optimizer, loss=plan.loss)
    for adjust in plan.adjust:
        adjust(model)
    return model, optimizer


def _copy(plan: TrainingPlan, seed: int) -> Any:
    def edited(layer: Any, copy: Any) -> Any:
        for edit in plan.edits:
            copy = edit(layer, copy)
        return copy

    copy = copying.copy_model(plan.model, seed, edited if plan.edits else None, plan.factory)
    for wrap in plan.around:
        copy = wrap(copy)
    return copy
