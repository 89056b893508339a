from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import DOES_NOT_APPLY, Baseline, Moved, NotMeasured
from diagnose.registry import check

MANY = 0.10  # share of the rows, with its whole interval; a fit within 5 x 5 pixels errs for fewer
FEWER = 3.0  # times: the share on the other split must be this much lower, or the fit is what errs


@check("Targets moved against their inputs", family="data", reading=(NOT_WORKING, RECIPE))
def targets_moved(baseline: Baseline) -> Iterator[Finding]:
    """Looks for rows whose masks or tags fit better after a flip or a shift.

    ## What it measures
    For outputs with the positions of the input (pixels, steps): a classifier of each position by the inputs around it,
    fitted on one split, judges the rows of the other. Counted are the rows with which it agrees clearly better when
    their targets are mirrored, turned by 180 degrees, shifted by one step or reversed, among those with a clear answer.

    ## Why it matters
    An augmentation that flips pictures and not their masks, or a start mark that only the tokens have, leaves every row
    valid by itself, and teaches the net that the answer lies elsewhere.

    ## How it is decided
    Reported if at least a tenth of the rows of a split (95 %, with its whole interval) fit better after the same move,
    and at most a third of that share on the other split does. An error from half of the rows, else a warning.

    ## Known limits
    Without a split besides train there is nothing to judge train by. Symmetric targets, and positions that their
    neighbourhood does not tell, have no clear answer.

    ## References
    - Shorten, Khoshgoftaar 2019, "A survey on Image Data Augmentation for Deep Learning", doi:10.1186/s40537-019-0197-0
    """
    known = [output for output in baseline.outputs if output.moved]
    if not known:
        raise NotMeasured(
            "no output has the positions of the input, or too few rows have a clear answer", DOES_NOT_APPLY
        )
    for output in known:
        for found in output.moved:
            others = max((one.share for one in output.moved if one.split != found.split), default=0.0)
            if found.interval.low > MANY and others * FEWER <= found.share:
                yield Finding(
                    Severity.ERROR if found.share >= 0.5 else Severity.WARNING,
                    _message(found, output.best.name),
                    where=Where(output=output.output, split=found.split),
                    value=found.share,
                    threshold=MANY,
                    interval=found.interval,
                    rows=found.rows,
                )


def _message(found: Moved, judge: str) -> str:
    return (
        f"the targets of {percent(found.share)} of {found.rows:,} {found.split} rows fit their inputs better when they"
        f" are moved ({found.how}), by a classifier fitted on other rows ({judge})"
    )
