from collections.abc import Iterator

from diagnose.checks.further_reading import RECIPE
from diagnose.checks.reading.classes import class_name
from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, Evaluation, Network, Padding, Positions
from diagnose.registry import check

MUCH = 0.20  # share of padded positions; fewer hardly change the figures
MOST = 0.50  # the same for a recurrent layer that reads to the end of the row
PADDING_ONLY = 0.01  # share of the other positions with the class of the padding; above, it is a class of its own
NEVER = 0.10  # recall of a class, its whole interval; below, it is not found
LOW_SKILL = 0.25  # on real positions, over their most frequent class; as in does-not-learn


@check("Padding without a mask", family="data", reading=(RECIPE,))
def padding_not_masked(dataset: Dataset, network: Network | None, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Checks whether padded positions count like real ones.

    ## What it measures
    On train, the share of the positions of each token input that are zeros after the last token; whether a mask
    (`mask_zero=True`, a Masking layer), a sample weight of 0 or the loss's `ignore_class` hides them; and the class
    that the targets have there. If that class stands at padded positions only: the accuracy at the other, real
    positions.

    ## Why it matters
    The class of the padding is the easiest to learn. Where padding counts, it raises the accuracy, takes most of the
    gradient, and a model may learn nothing else. A recurrent layer that reads on through the padding has forgotten the
    row when it ends.

    ## How it is decided
    Reported from 20 % padding without a mask, if the targets have one class of their own there: an error if no other
    class is found (recall below 10 %, whole interval), a warning if the skill on real positions is below 0.25, where 0
    is their most frequent class, else a hint. If real positions have the class of the padding, too: a warning if
    another class is not found. For an output with one target a row, a hint from 50 % padding in front of a recurrent
    layer without a mask, a warning if the train skill is below 0.25.

    ## Known limits
    Padding in front of the tokens is not found, nor padding with another number than 0. A model that learned its real
    positions well does not need a mask, but its accuracy looks too high.

    ## References
    - keras.io, "Understanding masking & padding"
    """
    for one in dataset.padding:
        if one.masked or one.share < MUCH:
            continue
        if one.positions and one.label is not None and (one.elsewhere or 0.0) <= PADDING_ONLY:
            yield _counted(one, one.label, network, evaluation)
        elif one.positions and one.label is not None:
            yield from _drowned(one, one.label, network, evaluation)
        elif not one.positions and one.recurrent and one.share >= MOST:
            score = evaluation.score("train", one.output) if evaluation is not None else None
            failed = score is not None and not score.skill >= LOW_SKILL
            yield _finding(
                one,
                Severity.WARNING if failed else Severity.HINT,
                f"{percent(one.share)} of the positions of {one.input} are padding, and no mask hides them from the"
                " recurrent layer",
            )


def padding_label(dataset: Dataset, output: str) -> int | None:
    """The class that this output has at padded positions and next to nowhere else; None if there is none."""
    for one in dataset.padding:
        if one.output == output and one.positions and one.label is not None and (one.elsewhere or 0.0) <= PADDING_ONLY:
            return one.label
    return None


def _counted(one: Padding, label: int, network: Network | None, evaluation: Evaluation | None) -> Finding:
    message = (
        f"{percent(one.share)} of the positions of {one.input} are padding without a mask, where the target is always"
        f" class {class_name(network, one.output, label)}"
    )
    positions = _positions(one, evaluation)
    real = [found for found in positions.classes if found.number != label] if positions is not None else []
    share = sum(found.share for found in real)
    if not real or share <= 0:
        return _finding(one, Severity.HINT, message)
    accuracy = sum(found.share * found.recall.value for found in real) / share
    most = max(found.share for found in real) / share
    skill = 1 - (1 - accuracy) / (1 - most) if most < 1 else accuracy
    message += f"; at the real positions the accuracy is {percent(accuracy)}"
    if all(found.recall.interval.high < NEVER for found in real):
        return _finding(one, Severity.ERROR, f"{message}, as padding is predicted almost everywhere")
    common = f", and always predicting their most frequent class gives {percent(most)}"
    return _finding(one, *((Severity.WARNING, message + common) if skill < LOW_SKILL else (Severity.HINT, message)))


def _drowned(one: Padding, label: int, network: Network | None, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Padding that has the class of many real positions, and drowns the other classes."""
    positions = _positions(one, evaluation)
    every = positions.classes if positions is not None else ()
    lost = [found for found in every if found.number != label and found.recall.interval.high < NEVER]
    if lost:
        yield _finding(
            one,
            Severity.WARNING,
            f"{percent(one.share)} of the positions of {one.input} are padding without a mask, where the target is"
            f" class {class_name(network, one.output, label)}, as at {percent(one.elsewhere or 0.0)} of the others;"
            f" class {class_name(network, one.output, lost[0].number)} is found in {percent(lost[0].recall.value)}",
        )


def _positions(one: Padding, evaluation: Evaluation | None) -> Positions | None:
    score = evaluation.score("train", one.output) if evaluation is not None else None
    return score.positions if score is not None else None


def _finding(one: Padding, severity: Severity, message: str) -> Finding:
    return Finding(
        severity,
        message,
        where=Where(output=one.output, split="train", feature=one.input),
        value=one.share,
        threshold=MUCH if one.positions else MOST,
        rows=one.rows,
    )
