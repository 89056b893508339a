"""The size of single optimizer steps: shared by the checks on small and on large updates."""

import numpy as np

from diagnose.checks.reading.curves import NO_SCALE, points, scale_of
from diagnose.checks.reading.explosions import exploded
from diagnose.findings import Curves, Finding, Series, Severity
from diagnose.measurements import Array, History, NotMeasured, Update, need

EARLY = 0.1  # share of the training; later, small steps are expected
FIRST = 100  # steps that count as early, however short the training is
STEPS = 50  # fewer are too few to judge a training by, unless it has blown up
FADED = 1e-3  # times an earlier step; smaller ones only carry momentum on after the gradient has become zero
UNLEARNED = 0.5  # share of the constant prediction's loss (or the first); below, these steps have taught it


def early_updates(history: History, until: int | None = None) -> list[Array]:
    """Update-to-weight ratios of all layers, for each early watched step; empty if the training has learned.

    Args:
        until: the last step that counts; None: a tenth of the training, at least `FIRST` steps.

    Steps without a gradient are ignored, as they do not show the size of steps: they change nothing, or only carry
    momentum on.

    Raises:
        NotMeasured: too few steps were watched, or the scale of the loss is unknown.
    """
    updates, run = need(history.updates), history.runs[0]
    steps = len(run.step_losses)
    last = max(EARLY * steps, FIRST) if until is None else until
    early = [update for update in _with_gradient(updates) if update.step <= last]
    if (steps < STEPS and not exploded(history)) or not early:
        raise NotMeasured(f"fewer than {STEPS} steps were watched", f"Watch a training of at least {STEPS} steps.")
    scale = scale_of(history)
    if scale is None:
        raise NotMeasured(NO_SCALE, "Train on rows with targets, and with one of Keras's own losses.")
    curve = points(run, "train_loss")
    if len(curve) and curve.end <= UNLEARNED * scale.value:
        return []
    return [_ratios(update) for update in early]


def _with_gradient(updates: tuple[Update, ...]) -> list[Update]:
    kept: list[Update] = []
    largest = 0.0
    for update in updates:
        size = max(update.ratios.values(), default=0.0)
        largest = max(largest, size)
        if size > FADED * largest:
            kept.append(update)
    return kept


def finding(message: str, value: float, threshold: float, history: History) -> Finding:
    return Finding(
        Severity.WARNING,
        f"{message} (usual: 0.0003 to 0.02)",
        value=value,
        threshold=threshold,
        evidence=(_picture(need(history.updates)),),
    )


def _ratios(update: Update) -> Array:
    return np.array(list(update.ratios.values()))


def _picture(updates: tuple[Update, ...]) -> Curves:
    """The median layer, and the range of all layers."""
    known = [update for update in updates if update.ratios]
    low, middle, high = (tuple(float(f(_ratios(update))) for update in known) for f in (np.min, np.median, np.max))
    line = Series("median layer", tuple(float(update.step) for update in known), middle, low, high, role="train")
    return Curves("Update-to-weight ratio by step", "step", "share of the weights", (line,), log_y=True)
