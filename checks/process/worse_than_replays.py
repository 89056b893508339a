"""Whether the loaded weights are worse than what the same training gives."""

from collections.abc import Iterator
from math import sqrt

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.curves import learning_curves
from diagnose.checks.reading.replays import as_long_as_the_training, shortfall, steps_of
from diagnose.checks.reading.wording import number, skill_text
from diagnose.findings import Finding, Interval, Severity, Where
from diagnose.measurements import Evaluation, History, Network, NotMeasured
from diagnose.registry import check


@check("Worse than the same training", family="process", speaks_live=None, reading=(NOT_WORKING, RECIPE))
def worse_than_replays(history: History, evaluation: Evaluation | None, network: Network | None) -> Iterator[Finding]:
    """Compares the loaded weights with replays of their training.

    ## What it measures
    The skill on held-out rows of trainings from fresh weights with your settings and as many steps, and that of the
    loaded weights on train, which is the easier test, and on dev.

    ## Why it matters
    A loss that jumps late in training can leave weights that are far from the best ones, and some initial weights are
    unlucky. The data and the settings are then fine, and longer training or more data treat the wrong thing.

    ## How it is decided
    Reported, as a warning, if every replay ends above the loaded weights, and their mean by more than 0.1 of skill and,
    on train, by 3 standard deviations between seeds; on dev, by more than a further training would lie below them in
    one case of 40. Weights with a train skill under 0.1 are left to other checks: their training never got off the
    ground. Needs three replays of the whole training, and the number of steps in the file.

    ## Known limits
    Weights that were trained in another way than the file says look the same.

    ## References
    - Prechelt 1998, "Early Stopping - But When?", doi:10.1007/3-540-49430-8_3
    - Cohen et al. 2021, "Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability",
      arXiv:2103.00065
    """
    if not as_long_as_the_training(history, network):
        raise NotMeasured("the training was not replayed with as many steps", "Pass --epochs and --batch-size.")
    for output in history.views:
        found = shortfall(history, evaluation, output)
        if found is None:
            continue
        half = 1.96 * float(found.replays.std(ddof=1)) / sqrt(len(found.replays))
        where, why = ("train", "") if found.split == "train" else ("dev", "was unlucky, or ")
        yield Finding(
            Severity.WARNING,
            f"trainings with the same settings and as many steps ({number(steps_of(history) or 0)}) end with skill"
            f" {found.replays.mean():.2f} on new rows, the loaded weights have {skill_text(found.loaded)} on {where}:"
            f" their training {why}ended at a bad moment",
            Where(output=output or None, split=where),
            value=found.gain,
            threshold=found.threshold,
            interval=Interval(found.gain - half, min(found.gain + half, 1.0 - found.loaded)),
            rows=history.rows,
            evidence=(learning_curves(history),),
        )
