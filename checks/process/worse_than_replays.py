"""Whether the loaded weights are worse than what the same training gives."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.process.still_improving import CLEAR
from diagnose.checks.reading.curves import learning_curves
from diagnose.checks.reading.replays import loaded_skill, reached, steps_of
from diagnose.checks.reading.wording import number, skill_text
from diagnose.findings import Finding, Interval, Severity, Where
from diagnose.measurements import Evaluation, History, Network, NotMeasured
from diagnose.registry import check

FEWEST = 3  # replays; fewer do not show how much seeds differ
SPREAD = 3.0  # standard deviations between seeds
LEARNED = 0.1  # train skill of the loaded weights; below, training never got off the ground
AS_LONG = 1.05  # times the user's steps; a longer replay shows nothing


@check("Worse than the same training", family="process", speaks_live=None, reading=(NOT_WORKING, RECIPE))
def worse_than_replays(history: History, evaluation: Evaluation | None, network: Network | None) -> Iterator[Finding]:
    """Compares the loaded weights with replays of their training.

    ## What it measures
    The skill on held-out rows of trainings from fresh weights with your settings and as many steps, and that of the
    loaded weights on train, which is the easier test.

    ## Why it matters
    A loss that jumps late in training can leave weights that are far from the best ones. The model, the data and the
    settings are then fine, and longer training or more data treat the wrong thing.

    ## How it is decided
    Reported, as a warning, if every replay ends above the loaded weights, and their mean by more than 0.1 of skill and
    by 3 standard deviations between seeds. Weights with a train skill under 0.1 are left to other checks: their
    training never got off the ground. Needs three replays of the whole training, and the number of steps in the file.

    ## Known limits
    Weights that were trained in another way than the file says look the same.

    ## References
    - Prechelt 1998, "Early Stopping - But When?", doi:10.1007/3-540-49430-8_3
    - Cohen et al. 2021, "Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability",
      arXiv:2103.00065
    """
    own, taken = network.iterations if network is not None else None, steps_of(history)
    if history.origin != "replay" or not history.whole or own is None or taken is None or taken > AS_LONG * own:
        raise NotMeasured("the training was not replayed with as many steps", "Pass --epochs and --batch-size.")
    for output in history.views:
        loaded = loaded_skill(evaluation, output)
        skills = np.array([reached(run) for run in history.of(output).runs])
        if loaded is None or loaded < LEARNED or len(skills) < FEWEST or not np.isfinite(skills).all():
            continue
        spread = float(skills.std(ddof=1))
        gain, threshold = float(skills.mean()) - loaded, max(CLEAR, SPREAD * spread)
        if gain <= threshold or skills.min() <= loaded:
            continue
        half = 1.96 * spread / np.sqrt(len(skills))
        yield Finding(
            Severity.WARNING,
            f"trainings with the same settings and as many steps ({number(taken)}) end with skill {skills.mean():.2f}"
            f" on new rows, the loaded weights have {skill_text(loaded)} on train: their training ended at a bad"
            " moment",
            Where(output=output or None, split="train"),
            value=gain,
            threshold=threshold,
            interval=Interval(gain - half, min(gain + half, 1.0 - loaded)),
            rows=history.rows,
            evidence=(learning_curves(history),),
        )
