from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import BACKPROP, FINDER
from diagnose.checks.reading.explosions import EXPLODED, MAJORITY, diverged_at_own_rate, exploded, losses_of
from diagnose.checks.reading.lines import line
from diagnose.checks.reading.wording import number
from diagnose.findings import Curves, Finding, Severity, Where
from diagnose.measurements import Array, History, LearningRate, NotMeasured, Run
from diagnose.registry import check


@check("Non-finite training loss", family="numerics", reading=(FINDER, BACKPROP))
def non_finite_training(history: History | None, learning_rate: LearningRate | None) -> Iterator[Finding]:
    """Checks whether training at the model's own settings drives the loss to infinity.

    ## What it measures
    Every training recorded or replayed, and the short trainings at the model's own learning rate: whether the loss
    became NaN or infinite, or rose above 1,000 times the loss of the best constant prediction.

    ## Why it matters
    A training that blows up has left the region where gradients are meaningful. It ends in NaN, or with weights thrown
    far away, most often with all ReLU units dead.

    ## How it is decided
    A run has blown up if a loss is not finite, or if it exceeds both 1,000 times the constant prediction's loss and 10
    times its own first value. An error if at least half of the runs blew up, a warning if fewer did.

    ## Known limits
    It does not show why: unscaled data, initialisation and learning rate all end like this. Short replays miss an
    explosion that comes late.

    ## References
    - Pascanu, Mikolov, Bengio 2013, "On the difficulty of training recurrent neural networks", arXiv:1211.5063
    - Zhang, Zhai, Ma, Shen 2021, "AUTOTRAINER: An Automatic DNN Training Problem Detection and Repair System", ICSE
    """
    if history is None and learning_rate is None:
        raise NotMeasured(
            "no training was recorded, and none was replayed",
            "Pass the training's --history FILE, or run with --effort standard.",
        )
    if history is not None and history.runs:
        yield from _in_history(history)
    if learning_rate is not None and learning_rate.own is not None:
        yield from _at_own_rate(learning_rate, learning_rate.own)


def _in_history(history: History) -> Iterator[Finding]:
    broken = exploded(history)
    if not broken:
        return
    first = broken[0]
    step = first.non_finite_step
    when = f", first at step {step}" if step is not None else ""
    runs = f"{len(broken)} of {len(history.runs)} {history.origin} trainings" if len(history.runs) > 1 else "training"
    yield Finding(
        _severity(len(broken) / len(history.runs)),
        f"the loss became non-finite or rose above {number(EXPLODED)} times the constant prediction's in {runs}{when}",
        where=Where(step=step),
        value=len(broken) / len(history.runs),
        threshold=0.0,
        rows=history.rows,
        evidence=_curve(first, history.origin),
    )


def _at_own_rate(learning_rate: LearningRate, own: float) -> Iterator[Finding]:
    diverged, trainings = diverged_at_own_rate(learning_rate)
    if diverged:
        yield Finding(
            _severity(diverged / trainings),
            f"{diverged} of {trainings} short trainings at the model's own learning rate {number(own)} diverged",
            value=diverged / trainings,
            threshold=0.0,
            rows=learning_rate.rows,
        )


def _severity(share: float) -> Severity:
    return Severity.ERROR if share >= MAJORITY else Severity.WARNING


def _curve(run: Run, origin: str) -> tuple[Curves, ...]:
    """The loss of each batch, which swings more than that of a whole split after an epoch."""
    losses, steps = losses_of(run), bool(run.step_losses.size)
    x: Array = np.arange(1.0, losses.size + 1) if steps else run.epochs
    loss = line("loss", x, losses, "train")
    if len(loss.x) < 2:
        return ()
    unit = "step" if steps else "epoch"
    training = {"replay": "one replay", "recorded": "your training"}.get(origin, "this training")
    return (Curves(f"Loss of each {unit} of {training}, until it blew up", unit, "loss", (loss,), log_y=True),)
