"""Training curves: the user's recorded history, or short seeded trainings by us."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from diagnose.measurements import Array, History, Measurements, NotMeasured, Run, Unavailable
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import learning_rates, learning_rates_at
from diagnose.measuring.training import (
    Assessment,
    Course,
    Trainer,
    diverged,
    judging_steps,
    own_loops,
    own_training,
)
from diagnose.measuring.work import Work
from diagnose.settings import Effort

SEEDS = 3
EVALUATIONS = 12  # after the start
EPOCHS = 10  # of a replay if the length of the user's training is unknown or too long
STEPS = (300, 1_500)  # smallest and largest number of steps of such a replay


def history(bench: Bench, measured: Measurements) -> History | Unavailable:
    """Return the recorded history of the subject, else replay its training with several seeds.

    A replay starts from fresh weights, with the user's optimizer, learning rates (with schedule) and batch size. It is
    as long as the user's own training if the budget allows that. Both splits are evaluated in inference mode.
    """
    if isinstance(bench.subject.history, History):
        return _scheduled(bench, bench.subject.history)
    if bench.settings.effort is Effort.QUICK:
        return Unavailable(
            "no history is given, and effort quick does not train",
            "Pass the training's --history FILE, or run with --effort standard.",
        )
    if bench.fine_tuned:
        return Unavailable(
            "the initial weights of the fine-tuned layers are unknown", "Pass the training's --history FILE."
        )
    steps, whole = _length(bench)
    try:
        with own_training(bench) as trainer:
            replays = [_replay(bench, trainer, seed, steps) for seed in _seeds(bench)]
            _, dev = bench.holdout()
            end = trainer.judge_dev()
            found = History(
                origin="replay",
                runs=tuple(map(_run, replays)),
                steps_per_epoch=trainer.steps_per_epoch,
                rows=trainer.rows,
                dev_rows=trainer.dev_rows,
                constant_loss=end.constant_loss,
                constant_error=end.constant_error,
                whole=whole,
                dev_origin=dev.origin,
                dev_se=end.loss_se,
            )
            return replace(found, by_output=_by_output(found, bench, replays, end))
    except NotMeasured as missing:
        return Unavailable.of(missing)


def _scheduled(bench: Bench, recorded: History) -> History:
    """The recorded history with the learning rates of the optimizer's schedule, unless they were recorded too."""
    optimizer, steps, training = bench.subject.model.optimizer, bench.subject.steps, bench.subject.training
    if training.schedule is None or optimizer is None or not steps:
        return recorded
    runs = []
    for run in recorded.runs:
        if len(run.learning_rates) or not len(run.epochs):
            return recorded
        taken = np.round(run.epochs * steps / run.epochs[-1]).astype(int)
        runs.append(replace(run, learning_rates=learning_rates_at(optimizer, taken.tolist())))
    return replace(recorded, runs=tuple(runs))


def history_work(bench: Bench, measured: Measurements) -> Work:
    """Return the work of `history` at the bench's current scale."""
    given = isinstance(bench.subject.history, History)
    if given or bench.settings.effort is Effort.QUICK or bench.fine_tuned:
        return Work()
    steps = (_length(bench)[0] + 2 * (_evaluations(bench) + 1) * judging_steps(bench)) * len(_seeds(bench))
    return Work(steps=steps, loops=own_loops(bench))


def _length(bench: Bench) -> tuple[int, bool]:
    """Return the steps of one replay at the bench's scale, and whether these are all steps of the user's training."""
    train, _ = bench.holdout()
    few, many = STEPS
    wanted = int(np.clip(EPOCHS * max(1, train.rows // bench.batch_size), few, many))
    affordable = max(100, round(wanted * bench.scale))
    own = bench.subject.steps
    if own is not None and own <= max(affordable, round(many * bench.scale)):
        return max(own, 1), True
    return affordable, False


def usual_length(bench: Bench) -> int:
    """Return the steps of one training that stands for the user's, at full size."""
    few, many = STEPS
    own = bench.subject.steps
    if own is not None:
        return int(np.clip(own, 1, many))
    return int(np.clip(EPOCHS * max(1, bench.holdout()[0].rows // bench.batch_size), few, many))


def _evaluations(bench: Bench) -> int:
    return EVALUATIONS if bench.scale >= 0.5 else EVALUATIONS // 2


def _seeds(bench: Bench) -> range:
    return range(bench.settings.seed, bench.settings.seed + (SEEDS if bench.scale > 0.25 else 2))


@dataclass(frozen=True)
class _Replay:
    """One training, evaluated on train and dev after some of its steps; `rates` are those of these steps."""

    seed: int
    course: Course
    epochs: Array
    rates: Array
    train: tuple[Assessment, ...]
    dev: tuple[Assessment, ...]
    broken: bool

    def of(self, place: int) -> Self:
        """The same training judged by one of several outputs."""
        train, dev = (tuple(one.by_output[place] for one in split) for split in (self.train, self.dev))
        return replace(self, train=train, dev=dev)


def _by_output(whole: History, bench: Bench, replays: list[_Replay], end: Assessment) -> dict[str, History]:
    """The same trainings as each output fared. The losses of single steps are those of the whole."""
    return {
        output.name: replace(
            whole,
            runs=tuple(_run(training.of(place)) for training in replays),
            constant_loss=end.by_output[place].constant_loss,
            constant_error=end.by_output[place].constant_error,
            dev_se=end.by_output[place].loss_se,
        )
        for place, output in enumerate(bench.subject.outputs if end.by_output else ())
    }


def _replay(bench: Bench, trainer: Trainer, seed: int, steps: int) -> _Replay:
    rates = learning_rates(bench.subject.model.optimizer, steps)
    trainer.begin(bench.weights(seed), seed)
    start = trainer.judge()
    courses: list[Course] = []
    evaluated: list[tuple[int, tuple[Assessment, Assessment]]] = [(0, start)]
    for chunk in np.array_split(rates, min(_evaluations(bench), steps)):
        courses.append(trainer.run(chunk))
        evaluated.append((evaluated[-1][0] + len(courses[-1].losses), trainer.judge()))
        if courses[-1].non_finite_step is not None:
            break
    whole = Course(*(np.concatenate([getattr(c, name) for c in courses]) for name in ("losses", "norms")))
    train, dev = (tuple(found[split] for _, found in evaluated) for split in (0, 1))
    return _Replay(
        seed=seed,
        course=whole,
        epochs=np.array([step / trainer.steps_per_epoch for step, _ in evaluated]),
        rates=np.array([rates[max(step - 1, 0)] for step, _ in evaluated]),
        train=train,
        dev=dev,
        broken=diverged(whole, start[0], train[-1]),
    )


def _run(training: _Replay) -> Run:
    train, dev = training.train[-1], training.dev[-1]
    return Run(
        seed=training.seed,
        epochs=training.epochs,
        train_loss=np.array([found.loss for found in training.train]),
        dev_loss=np.array([found.loss for found in training.dev]),
        train_error=np.array([found.error for found in training.train]),
        dev_error=np.array([found.error for found in training.dev]),
        step_losses=training.course.losses,
        gradient_norms=training.course.norms,
        non_finite_step=training.course.non_finite_step,
        final_train_skill=float("nan") if training.broken and not train.finite else train.skill,
        final_dev_skill=float("nan") if training.broken and not dev.finite else dev.skill,
        learning_rates=training.rates,
    )
