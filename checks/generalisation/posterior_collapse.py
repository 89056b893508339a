"""Whether the code of a variational autoencoder still tells anything about its row."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.loss_parts import TOTAL, is_divergence, loss_parts, part_curves
from diagnose.checks.reading.wording import number, percent
from diagnose.findings import Finding, Severity
from diagnose.measurements import DOES_NOT_APPLY, Array, Flags, History, NotMeasured
from diagnose.registry import check

NOTHING = 0.01  # nats; a code with less divergence tells next to nothing about its row
SHARE = 1e-3  # of the other parts of the loss; a divergence that is logged with a small weight is above
GONE = 0.01  # of its highest value; a divergence that is small by its weight or its mean is above
EPOCHS = 5  # in a row, the last ones; a weight that rises from 0 keeps a healthy divergence low for a while
STAYS = 0.02  # relative fall of the other parts over these epochs; one that falls by more still learns from the code


@check("Posterior collapse", family="generalisation", origins=("live", "recorded"), reading=(RECIPE, NOT_WORKING))
def posterior_collapse(history: History) -> Iterator[Finding]:
    """Compares the divergence that a variational autoencoder logs with the other parts of its loss.

    ## What it measures
    The logged Kullback-Leibler divergence of the code by epoch, and the sum of the other logged losses (the total
    without it, if there are none) over the same epochs.

    ## Why it matters
    The divergence is an upper bound on what the code tells about the row, on average. At zero every row has the same
    distribution of codes: the decoder reconstructs the mean row, and samples are all alike.

    ## How it is decided
    A warning if the divergence was below 0.01 nats, 0.1 % of the other parts and 1 % of its own highest value for the
    last five epochs, and the other parts fell by less than 2 % over them.

    ## Known limits
    The divergence is recognised by its name in the log ("kl" or "divergence" as a word). One that layers add to the
    loss without logging it is not seen, nor is one that was zero in the first epoch. Single dimensions that collapse
    are not told apart.

    ## References
    - Bowman et al. 2016, "Generating Sentences from a Continuous Space", section 3.1, arXiv:1511.06349
    - Lucas, Tucker, Grosse, Norouzi 2019, "Don't Blame the ELBO! A Linear VAE Perspective on Posterior Collapse",
      arXiv:1911.02469
    """
    parts = loss_parts(history)
    divergences = [name for name in parts if is_divergence(name)]
    if not divergences:
        raise NotMeasured("no divergence was logged", DOES_NOT_APPLY)
    for name in divergences:
        rest = _rest(history, name)
        if len(rest) < EPOCHS or not _gone(parts[name], rest)[-EPOCHS:].all():
            continue
        before, after = float(rest[-EPOCHS]), float(rest[-1])
        fall = (before - after) / abs(before)
        if fall < STAYS:
            curves = part_curves(history)
            yield Finding(
                Severity.WARNING,
                f"{name} has gone from {number(float(np.nanmax(parts[name])))} to {number(float(parts[name][-1]))}, and"
                f" the rest of the loss, {number(after)}, fell by {percent(max(fall, 0.0))} over the last"
                f" {EPOCHS} epochs",
                value=float(parts[name][-1]),
                threshold=NOTHING,
                rows=history.rows,
                evidence=() if curves is None else (curves,),
            )


def _rest(history: History, name: str) -> Array:
    """The other parts of the loss by epoch: [epochs]; nan where they are unknown."""
    parts = loss_parts(history)
    others = [values for other, values in parts.items() if not is_divergence(other)]
    if others:
        return np.asarray(np.sum(others, axis=0))
    return np.asarray(history.reported.get(TOTAL, np.full_like(parts[name], np.nan)) - parts[name])


def _gone(divergence: Array, rest: Array) -> Flags:
    """Whether the divergence was next to nothing, by epoch: [epochs]."""
    size = np.abs(divergence)
    return np.asarray((size < NOTHING) & (size < SHARE * np.abs(rest)) & (size < GONE * np.nanmax(size, initial=0.0)))
