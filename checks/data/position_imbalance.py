"""Whether an output with many positions a row finds the classes that most positions do not have."""

from collections.abc import Iterator

from diagnose.checks.further_reading import REAL_WORLD, RECIPE
from diagnose.checks.reading.positions import position_class, positions_word
from diagnose.checks.reading.wording import percent
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import (
    DOES_NOT_APPLY,
    Evaluation,
    Network,
    NotMeasured,
    PositionClass,
    Positions,
    Score,
    Unavailable,
    need,
)
from diagnose.registry import check
from diagnose.subject import Task

RATIO = 10.0  # positions of the largest class over those of another; class-imbalance uses the same for rows
NEVER = 0.10  # recall; a class whose whole interval lies below is not found
LOW = 0.50  # recall; a rare class whose whole interval lies below is worth a weight
FEW_ROWS = 10  # rows with the class; fewer say nothing about its recall
RARE = 0.05  # share of the rows with the class; rarer classes are only a hint
ALL = 0.95  # share of the positions predicted as the largest class
LEARNED = 0.9  # loss over the constant prediction's; below, the probabilities have learned, even if no class is chosen
USABLE = 0.25  # dice at the best threshold; above, the inputs tell the class apart, so that empty masks are a fault
SHOWN = 8  # classes in messages and evidence


@check("Rare classes at positions", family="data", reading=(REAL_WORLD, RECIPE))
def position_imbalance(evaluation: Evaluation, network: Network | None) -> Iterator[Finding]:
    """Checks that classes with few pixels, time steps or labels are found.

    ## What it measures
    For outputs with several positions a row, on train, then on dev: the share of the positions that each class has, and
    that are predicted as it; recall, precision, IoU and dice of each class, and their means. Rows are the unit of the
    intervals, as the positions of one row resemble each other. Positions that a mask or a weight of 0 hides from the
    loss do not count.

    ## Why it matters
    If 98 % of the pixels are background, a model that predicts background everywhere has an accuracy of 98 %. Each
    position counts alike in the usual loss, so that the rare class hardly moves the weights.

    ## How it is decided
    A class is not found if its recall is below 10 % with its whole interval, it has at most a tenth of the positions of
    the largest class, and at least 10 rows have it. An error if at least 95 % of the positions are predicted as the
    largest class, no other class is found, and either the loss is above 90 % of the constant prediction's (nothing was
    learned), or a lower threshold would give a dice above 0.25 (empty masks, though the inputs tell the class apart). A
    warning if neither holds, if the output is a multi-label one whose loss is lower (its labels may be ranked), or if
    some classes are found and another one, which at least 5 % of the rows have, is not; else a hint, also for such a
    class whose recall is only below 50 %: it may be hard to tell.
    Where train shows nothing, a rare class of dev whose recall is below 50 % with its whole interval counts too, if a
    lower threshold would give a dice above 0.25: the model tells it apart and does not choose it. A warning if at least
    5 % of the dev rows have it, else a hint. A class whose recall on train is above 50 % with its whole interval is not
    a matter of its share, and is left to other checks.

    ## Known limits
    Positions are judged by the most probable class, not at a threshold of the user's own. Outputs with one position a
    row are left to class-imbalance.

    ## References
    - Milletari, Navab, Ahmadi 2016, "V-Net", arXiv:1606.04797 (dice loss)
    - Lin, Goyal, Girshick, He, Dollar 2017, "Focal Loss for Dense Object Detection", arXiv:1708.02002
    - Cochran 1977, "Sampling Techniques", section 6.5 (ratios of clusters)
    """
    train = need(evaluation.train)
    if not any(score.positions is not None for score in train.scores):
        raise NotMeasured("no output classifies several positions a row into several classes", DOES_NOT_APPLY)
    for score in train.scores:
        if score.positions is None:
            continue
        if weak := _below(LOW, score.positions):
            yield _finding(score, score.positions, weak, network)
            continue
        unseen = None if isinstance(evaluation.dev, Unavailable) else evaluation.score("dev", score.output)
        if unseen is None or unseen.positions is None:
            continue
        if avoided := _not_chosen(unseen, unseen.positions, score.positions):
            yield _finding(unseen, unseen.positions, avoided, network, "dev")


def _below(recall: float, positions: Positions) -> tuple[PositionClass, ...]:
    """The rare classes whose recall is certainly below this, largest first."""
    largest = positions.classes[0]
    return tuple(
        one
        for one in positions.classes[1:]
        if one.rows >= FEW_ROWS and RATIO * one.share <= largest.share and one.recall.interval.high < recall
    )


def _not_chosen(unseen: Score, positions: Positions, train: Positions) -> tuple[PositionClass, ...]:
    """The rare classes of dev that the model tells apart and does not choose, and did not learn by heart on train."""
    if unseen.task is Task.MULTILABEL:  # its labels may be ranked
        return ()
    learned = {one.number for one in train.classes if one.recall.interval.low > LOW}
    weak = [one for one in _below(LOW, positions) if one.number not in learned]
    return tuple(one for one in weak if (one.best_dice or 0.0) > USABLE)


def _finding(
    score: Score,
    positions: Positions,
    weak: tuple[PositionClass, ...],
    network: Network | None,
    split: str = "train",
) -> Finding:
    lost = _below(NEVER, positions) if split == "train" else ()
    largest, rare = positions.classes[0], (lost or weak)[0]
    unit = positions_word(network, score)
    name = {one.number: position_class(network, score, one.number) for one in positions.classes}
    others = f", and {len(lost or weak) - 1} more classes" if len(lost or weak) > 1 else ""
    message = (
        f"on {split} {percent(largest.share)} of the {unit} are {name[largest.number]} and"
        f" {percent(largest.predicted)} are predicted as it; {name[rare.number]} ({percent(rare.share)} of them, in"
        f" {rare.rows:,} of {positions.rows:,} rows){others} is found in {percent(rare.recall.value)}: macro recall"
        f" {positions.macro_recall.value:.2f}, dice {rare.dice.value:.2f}{_otherwise(rare)}"
    )
    return Finding(
        _severity(score, positions, lost) if split == "train" else _by_rows(positions, weak),
        message,
        where=Where(output=score.output, split=split, label=name[rare.number].removeprefix("class ")),
        value=rare.recall.value,
        unit="share",
        threshold=NEVER if lost else LOW,
        interval=rare.recall.interval,
        rows=positions.rows,
        evidence=_evidence(positions, name, unit),
    )


def _otherwise(rare: PositionClass) -> str:
    """What another threshold would give."""
    if rare.best_dice is None or rare.threshold is None or rare.best_dice < USABLE:
        return ""
    return f", and {rare.best_dice:.2f} at a threshold of {rare.threshold:.2g}"


def _severity(score: Score, positions: Positions, lost: tuple[PositionClass, ...]) -> Severity:
    found = any(one.recall.value > 0 for one in positions.classes[1:] if one not in lost)
    if lost and not found and positions.classes[0].predicted >= ALL:
        learned = score.loss < LEARNED * score.constant_loss
        usable = score.task is not Task.MULTILABEL and any((one.best_dice or 0.0) > USABLE for one in lost)
        return Severity.ERROR if usable or not learned else Severity.WARNING
    return _by_rows(positions, lost)


def _by_rows(positions: Positions, lost: tuple[PositionClass, ...]) -> Severity:
    """A warning if many rows have such a class."""
    return Severity.WARNING if any(one.rows >= RARE * positions.rows for one in lost) else Severity.HINT


def _evidence(positions: Positions, name: dict[int, str], unit: str) -> tuple[Bars, ...]:
    shown = positions.classes[:SHOWN]
    labels = tuple(name[one.number].removeprefix("class ") for one in shown)
    return (
        Bars(
            "Recall by class",
            labels,
            tuple(one.recall.value for one in shown),
            f"share of its {unit}",
            tuple(one.recall.interval.low for one in shown),
            tuple(one.recall.interval.high for one in shown),
            threshold=NEVER,
        ),
        Bars(f"Share of the {unit} predicted as each class", labels, tuple(one.predicted for one in shown), "share"),
        Bars(f"Share of the {unit} of each class", labels, tuple(one.share for one in shown), "share"),
    )
