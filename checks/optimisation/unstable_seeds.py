"""Whether the success of training depends on the seed."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import INITIALIZATION, RECIPE
from diagnose.checks.reading.curves import diverged
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import History, NotMeasured
from diagnose.registry import check

FAILED = 0.1  # train skill at the end; below, a run has learned next to nothing
WORKED = 0.3  # above, it has learned; runs between the two are not counted


@check("Training depends on the seed", family="optimisation", origins=("replay",), reading=(RECIPE, INITIALIZATION))
def unstable_seeds(history: History) -> Iterator[Finding]:
    """Counts how many replays learn if only the seed differs.

    ## What it measures
    The skill on train at the end of several replays from fresh weights with different seeds.

    ## Why it matters
    A model that learns with one seed of three is at the edge: dying units, a learning rate at its limit, an
    initialisation that only sometimes passes the signal. The next training may fail, and comparing two single runs
    means nothing.

    ## How it is decided
    Reported if some replays end with a skill above 0.3 and others below 0.1. A warning if a failed run diverged, or if
    the replays were as long as your training; else a hint, since a longer training may rescue the others too.

    ## Known limits
    Three seeds separate a model that mostly fails from one that mostly works, no finer.

    ## References
    - Bouthillier et al. 2021, "Accounting for Variance in Machine Learning Benchmarks", arXiv:2103.03098
    - Picard 2021, "Torch.manual_seed(3407) is all you need", arXiv:2109.08203
    """
    if len(history.runs) < 2:
        raise NotMeasured("only one seed was replayed", "Allow more replays: --budget SECONDS.")
    burst = any(diverged(run) for run in history.runs)
    for output, view in history.views.items():
        skills = np.array([0.0 if diverged(run) else run.final_train_skill for run in view.runs])
        skills = np.nan_to_num(skills, nan=0.0, neginf=0.0)
        worked, failed = int((skills > WORKED).sum()), int((skills < FAILED).sum())
        if not worked or not failed:
            continue
        of = f" of {output}" if output else ""
        yield Finding(
            Severity.WARNING if burst or history.whole else Severity.HINT,
            f"training{of} only succeeds with {worked} of {len(skills)} seeds"
            f" (train skill {skills.min():.2f} to {skills.max():.2f})",
            Where(output=output or None),
            value=worked / len(skills),
            threshold=1.0,
            rows=history.rows,
            evidence=(
                Bars(
                    f"Train skill{of} at the end, by seed",
                    tuple(f"seed {run.seed}" for run in view.runs),
                    tuple(max(float(skill), 0.0) for skill in skills),
                    "skill",
                    threshold=FAILED,
                ),
            ),
        )
