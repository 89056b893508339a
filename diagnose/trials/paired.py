"""Trains a plan, from the same initial weights and with the same order of rows as every other plan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from diagnose.measurements import Array, Backward, LearningRate, Measurements, SweepPoint
from diagnose.measuring import copying
from diagnose.measuring.bench import Bench
from diagnose.measuring.training import Trainer, diverged, own_steps, own_training
from diagnose.trials.plan import TrainingPlan

STEPS = (300, 600)  # of one training: the user's own number, clipped to this range
SEEDS = 3


@dataclass(frozen=True)
class Arm:
    """Result of one plan: train skill by seed, of each output, 0 for the constant prediction and below.

    The skill of a training that diverged is 0. `rate` is the best candidate learning rate, at its first step.
    """

    skills: dict[str, tuple[float, ...]]  # by the output's name
    rate: float

    @property
    def mean(self) -> float:
        """Over outputs and seeds."""
        return float(np.mean(list(self.skills.values())))


def trial_steps(bench: Bench) -> int:
    """Return the steps of one training at full size."""
    return int(np.clip(own_steps(bench) or STEPS[0], *STEPS))


def plan_of(bench: Bench, measured: Measurements, size: float = 1.0) -> TrainingPlan:
    """Return a short training with the user's own optimizer, learning rates (with schedule), batch size and loss.

    `size` is the share of its usual steps (0 to 1).
    """
    optimizer = bench.subject.model.optimizer
    steps = round(size * trial_steps(bench))
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
        usable_rate=sweep.best if isinstance(sweep, LearningRate) else None,
        best_rate=_best_rate(sweep.sweep) if isinstance(sweep, LearningRate) else None,
        reachable=tuple(sweep.of(output.name).reachable for output in bench.subject.outputs)
        if isinstance(sweep, LearningRate)
        else (1.0,) * len(bench.subject.outputs),
        gradient_norms=backward.norms_by_output if isinstance(backward, Backward) else (),
    )


def _best_rate(sweep: tuple[SweepPoint, ...]) -> float | None:
    return max(sweep, key=lambda point: float(point.merit.mean())).rate if sweep else None


def train(bench: Bench, plan: TrainingPlan) -> Arm:
    """Train every candidate rate from every seed, and return the candidate with the best mean skill.

    Raises:
        NotMeasured: the copy cannot be built, or its training cannot be judged.
    """
    with _trainer(bench, plan) as (trainer, starts):
        arms = [Arm(_skills(trainer, starts, rates, plan), float(rates[0])) for rates in plan.rates]
    return max(arms, key=lambda arm: arm.mean)


def needs_compiling(plan: TrainingPlan, own: TrainingPlan) -> bool:
    """Whether the plan needs a training loop of its own, which has to be compiled."""
    return not _is_own(plan, own.optimizer, own.train)


def _is_own(plan: TrainingPlan, optimizer: Any, train: Any) -> bool:
    return plan.keeps_model and plan.optimizer is optimizer and plan.train is train


@contextmanager
def _trainer(bench: Bench, plan: TrainingPlan) -> Iterator[tuple[Trainer, dict[int, copying.Weights]]]:
    """Yield the trainer of this plan, and the initial weights by seed."""
    if _is_own(plan, bench.subject.model.optimizer, bench.holdout()[0]):
        with own_training(bench) as trainer:
            yield trainer, {seed: bench.weights(seed) for seed in plan.seeds}
        return
    data, size = (plan.train, plan.dev), plan.batch_size
    if plan.keeps_model:
        with bench.at(None) as model:
            optimizer = copying.new_optimizer(plan.optimizer)
            trainer = Trainer(bench, model, optimizer, data, plan.outputs, batch_size=size)
            yield trainer, {seed: bench.weights(seed) for seed in plan.seeds}
        return
    model, optimizer = built(plan, bench.settings.seed)
    trainer = Trainer(bench, model, optimizer, data, plan.outputs, batch_size=size)
    yield trainer, {seed: bench.with_preserved_weights(_copy(plan, seed).get_weights()) for seed in plan.seeds}


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

    return copying.copy_model(plan.model, seed, edited if plan.edits else None)


def _skills(
    trainer: Trainer, starts: dict[int, copying.Weights], rates: Array, plan: TrainingPlan
) -> dict[str, tuple[float, ...]]:
    by_seed = []
    for seed, start in starts.items():
        trainer.begin(start, seed)
        before = trainer.judge_train()
        course = trainer.run(rates)
        after = trainer.judge_train()
        lost = diverged(course, before, after) or not np.isfinite(after.skill)
        each = zip(after.by_output or (after,), plan.reachable, strict=True)
        by_seed.append([0.0 if lost else max(one.skill, 0.0) / reachable for one, reachable in each])
    return dict(zip((output.name for output in plan.outputs), zip(*by_seed, strict=True), strict=True))
