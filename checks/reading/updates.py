"""The size of single optimizer steps: shared by the checks on small and on large updates."""

import numpy as np

from diagnose.checks.reading.curves import NO_SCALE, points, scale_of
from diagnose.checks.reading.explosions import exploded
from diagnose.findings import Curves, Finding, Series, Severity
from diagnose.measurements import Array, History, NotMeasured, Update, need

EARLY = 0.1  # share of the training; later, small steps are expected
FIRST = 100  # steps that count as early, however short the training is
SETTLED = 2  # steps; the very first one of Adam is larger than those after it
STEPS = 50  # fewer are too few to judge a training by, unless it has blown up
FADED = 1e-3  # times an earlier step; smaller ones only carry momentum on after the gradient has become zero
UNLEARNED = 0.5  # share of the constant prediction's loss (or the first); below, these steps have taught it


def early_updates(history: History, until: int | None = None, scaled: bool = True) -> list[Array]:
    """Update-to-weight ratios of all layers, for each early watched step; empty if the training has learned.

    Args:
        until: the last step that counts; None: a tenth of the training, at least `FIRST` steps.
        scaled: False counts a training as not learned if the scale of its loss is unknown, or it has no total loss.

    Steps without a gradient are ignored, as they do not show the size of steps: they change nothing, or only carry
    momentum on.

    Raises:
        NotMeasured: too few steps were watched, or the scale of the loss is unknown and needed.
    """
    updates = need(history.updates)
    steps = steps_of(history)
    last = max(EARLY * steps, FIRST) if until is None else until
    settled = tuple(update for update in updates if update.step >= SETTLED)
    early = [update for update in _with_gradient(settled) if update.step <= last]
    if (steps < STEPS and not exploded(history)) or not early:
        raise NotMeasured(f"fewer than {STEPS} steps were watched", f"Watch a training of at least {STEPS} steps.")
    if scaled and scale_of(history) is None:
        raise NotMeasured(NO_SCALE, "Train on rows with targets, and with one of Keras's own losses.")
    return [] if has_learned(history) else [_ratios(update) for update in early]


def has_learned(history: History) -> bool:
    """Whether the loss ends well below its scale; False if one of the two is unknown."""
    scale, curve = scale_of(history), points(history.runs[0], "train_loss")
    return scale is not None and len(curve) > 0 and curve.end <= UNLEARNED * scale.value


def steps_of(history: History) -> int:
    """How many steps were watched; a step of the user's own may have told no loss."""
    return max(history.runs[0].step_losses.size, history.runs[0].gradient_norms.size)


def first_update(history: History) -> Array:
    """Update-to-weight ratios of all layers at the very first step; empty if it was not watched."""
    updates = need(history.updates)
    return _ratios(updates[0]) if updates and updates[0].step < SETTLED else np.empty(0)


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
