from collections.abc import Iterator
from math import sqrt

from diagnose.checks.further_reading import LEAKAGE
from diagnose.checks.reading.gaps import POINT, Gap, Level, error_text, level, scale_of
from diagnose.checks.reading.twins import about, leaves_open, too_few_rows
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, Evaluation, SplitScores, SplitStatistics, Twins
from diagnose.registry import check

TRACE = 0.005  # share of a split's rows that are also in train
LARGE = 0.05  # share of chance collisions; above, even identical splits prove nothing
SAME = 0.99  # the split is the training data itself
FEW_ROWS = 30  # a split of fewer says next to nothing, and rows with few values may all be in train
OPTIMISTIC = 0.20  # share from which the split hardly speaks of new rows, where the harm cannot be measured
EXPECTED = 2.0  # times the share of repeats inside a split: rows with few distinct values coincide by chance
Z = 3.0  # standard errors above the expected share


@check("Rows in more than one split", family="data", reading=(LEAKAGE,))
def shared_rows(dataset: Dataset, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Counts the rows of dev and test that are also in train.

    ## What it measures
    The number of rows of every split other than train whose inputs equal a training row's bit for bit, among the rows
    that were compared; and the resulting share of all rows, with its exact binomial interval if rows were sampled.

    ## Why it matters
    Rows that the model was trained on say nothing about new data: the measured error is too low by about their share.

    ## How it is decided
    A hint from 0.5 %, if the share exceeds twice the share of rows that repeat inside train or inside the split by more
    than 3 standard errors: rows with few distinct values, blank images and the like coincide without a leak. If rows
    were sampled, the lower end of the interval must exceed both. A warning if the error on the other, new rows is
    higher, significantly at 95 %, and the shared rows lower the error of the whole split by more than a point (1 % of
    the target's variance); or, where the errors cannot be compared, from 20 % shared rows. From 99 % on, the split
    counts as the training data itself, a warning from 30 rows on. If a sample leaves a share above 0.5 % possible at 95
    % (about 3 / (rows x share of train) if none was found), the split is not judged.

    ## Known limits
    Near-duplicates, overlapping windows and rows of the same person or day are not found. If a shared row is in train
    several times, a sample finds it more often, and the estimate is too high.

    ## References
    - Barz, Denzler 2020, "Do We Train on Test Data? Purging CIFAR of Near-Duplicates", arXiv:1902.00423
    - Kapoor, Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns 4
    - Hanley, Lippman-Hand 1983, "If nothing goes wrong, is everything all right?", JAMA 249 (the rule of three)
    """
    undecided = []
    for split in dataset.splits:
        twins = dataset.shared_rows.get(split.name)
        if twins is None:
            continue
        expected = EXPECTED * max(_repeated(dataset.train), _repeated(split))
        if twins.at_least >= SAME and expected < LARGE:
            severity = Severity.WARNING if twins.rows >= FEW_ROWS else Severity.HINT
            yield _finding(severity, f"{split.name} is the same data as train", split, twins)
        elif _more_than_chance(twins, expected):
            severity, effect = _harm(split, twins, evaluation)
            yield _finding(
                severity, f"{about(twins)} of the rows on {split.name} are also in train{effect}", split, twins
            )
        elif leaves_open(twins, TRACE):
            undecided.append((split, twins))
    if undecided:
        raise too_few_rows(*undecided[0], "also be in train", beside="train")


def _more_than_chance(twins: Twins, expected: float) -> bool:
    """Whether the share is above `TRACE` and above the expected share of chance collisions."""
    if not twins.exact:
        return twins.at_least >= max(TRACE, expected)
    share = twins.share
    return share >= TRACE and share > expected + Z * sqrt(share * (1 - share) / max(twins.rows, 1))


def _repeated(split: SplitStatistics) -> float:
    return split.duplicates.share if split.duplicates is not None else 0.0


def _harm(split: SplitStatistics, twins: Twins, evaluation: Evaluation | None) -> tuple[Severity, str]:
    """How much too low the shared rows make the error of the first output that they change, and how serious that is."""
    scored = getattr(evaluation, split.name, None)
    if not isinstance(scored, SplitScores) or not scored.new_rows or not scored.new:
        return (Severity.WARNING if twins.at_least >= OPTIMISTIC else Severity.HINT), ""
    for every, new in zip(scored.scores, scored.new, strict=True):
        scale = scale_of(every)
        whole, rest = level(every, scale), level(new, scale)
        seen = 1 - scored.new_rows / scored.rows
        # The whole split mixes new and shared rows; the difference to its own part has this standard error.
        gap = Gap(Level(whole.value, 0.0), Level(rest.value, rest.se * sqrt(seen)))
        if gap.size > max(POINT, 1.96 * gap.se):
            texts = error_text(every.task, every.error), error_text(every.task, new.error)
            return Severity.WARNING, f": the error is {texts[0]}, and {texts[1]} on the {scored.new_rows:,} new rows"
    return Severity.HINT, ""


def _finding(severity: Severity, message: str, split: SplitStatistics, twins: Twins) -> Finding:
    return Finding(
        severity,
        message,
        where=Where(split=split.name),
        value=twins.share,
        unit="share",
        threshold=TRACE,
        interval=twins.interval,
        rows=twins.rows,
    )
