"""Whether the data numbers the classes in another order than the data that the model was trained on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from diagnose.checks.further_reading import PROJECT, RECIPE
from diagnose.checks.reading.classes import class_name
from diagnose.checks.reading.wording import listed, number, percent
from diagnose.findings import Finding, Matrix, Severity, Where
from diagnose.measurements import Evaluation, Network, NotMeasured, Score, SplitScores, Unavailable, need
from diagnose.registry import check
from diagnose.subject import Task

if TYPE_CHECKING:
    from diagnose.measurements import Array

MISSED = 0.2  # recall of a renumbered class under its own number, at most: the model hardly ever gives that number
FOUND = 0.6  # recall under the number that the model gives instead, at least: chance is far below for any class count
FEW_ROWS = 10  # of a class: fewer may be predicted as another one by chance
CURED = 0.75  # times the loss of the best constant output: below it, an own loss shows that the rows are told apart
SURE = 1.5  # times the loss of the best constant prediction: a net that was trained is sure of the other class


@check("Classes numbered in another order", family="data", speaks_live=None, reading=(RECIPE, PROJECT))
def inverted_labels(evaluation: Evaluation, network: Network | None) -> Iterator[Finding]:
    """Looks for classes that the model tells apart, but under other numbers than the data gives them.

    ## What it measures
    The confusion matrix of the loaded weights on each split, and the renumbering of the classes under which most of
    its predictions are right.

    ## Why it matters
    A model that is wrong on 98 % of the rows of two classes has learned them well: zero and one are swapped. It happens
    where one loader sorts the names of the classes and another one does not, or where folders are renamed. The weights
    are sound, and a new training would only hide the fault.

    ## How it is decided
    An error if each class that is renumbered has at least 10 rows, at most 20 % of them predicted under its own number
    and at least 60 % under the new one, and the loss is above 1.5 times that of the best constant prediction: the model
    is sure of what it says. A loss of the user's own with two labels: an error if it is above that of the best constant
    output at 95 %, and below three quarters of it with the labels exchanged. Of train, dev and test, the first split
    that shows it is reported.

    ## Known limits
    At most 30 classes. A model of low accuracy cannot show it. A model that was never trained is not judged: random
    weights may separate two classes with either sign. Nor is one whose own loss prefers wrong classes.

    ## References
    - Kuhn 1955, "The Hungarian method for the assignment problem", doi:10.1002/nav.3800020109
    """
    if network is not None and not network.trained:
        raise NotMeasured("the model was never trained", "Train the model, then examine it again.")
    turned = {head.output.name for head in (network.heads if network else ()) if head.output.opposed is not None}
    for split in (need(evaluation.train), evaluation.dev, evaluation.test):
        if isinstance(split, Unavailable):
            continue
        judged = [score for score in split.scores if score.output not in turned]
        both = [(_exchanged(score, split), _renumbered(score, split, network)) for score in judged]
        found = [finding for pair in both for finding in pair if finding is not None]
        yield from found
        if found:
            return


def _exchanged(score: Score, split: SplitScores) -> Finding | None:
    """The same for the two labels of a loss of the user's own."""
    worse = score.beats_constant_loss.high < 0
    if score.swapped is None or not worse or score.swapped > CURED * score.constant_error:
        return None
    return Finding(
        Severity.ERROR,
        f"on {split.split} the own loss is {number(score.error)}, above the {number(score.constant_error)} of a"
        f" constant output, and {number(score.swapped)} if the two labels are exchanged",
        Where(output=score.output, split=split.split),
        value=score.error - score.swapped,
        threshold=score.error - CURED * score.constant_error,
        rows=score.rows,
    )


def _renumbered(score: Score, split: SplitScores, network: Network | None) -> Finding | None:
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    counts = np.asarray(score.confusion, dtype=float)
    classifies = score.task in (Task.BINARY, Task.MULTICLASS)
    if not classifies or counts.ndim != 2 or not counts.sum() or score.loss <= SURE * score.constant_loss:
        return None
    _, order = linear_sum_assignment(counts, maximize=True)
    moved = np.flatnonzero((order != np.arange(len(order))) & (counts.sum(axis=1) > 0))
    if not len(moved) or not all(_moved(counts[number], number, int(order[number])) for number in moved.tolist()):
        return None
    names = [class_name(network, score.output, number) for number in range(len(order))]
    error = 1 - counts[np.arange(len(order)), order].sum() / counts.sum()
    pairs = listed([f"{names[number]} as {names[order[number]]}" for number in moved])
    return Finding(
        Severity.ERROR,
        f"on {split.split} the model's error is {percent(score.error)}, but {percent(error)} if the classes are"
        f" renumbered as it predicts them ({pairs})",
        Where(output=score.output, split=split.split),
        value=score.error - error,
        threshold=FOUND - MISSED,
        interval=score.error_interval,
        rows=score.rows,
        evidence=(_matrix(counts, names),),
    )


def _moved(row: "Array", own: int, new: int) -> bool:
    rows = row.sum()
    return bool(rows >= FEW_ROWS and row[own] <= MISSED * rows and row[new] >= FOUND * rows)


def _matrix(counts: "Array", names: list[str]) -> Matrix:
    values = tuple(tuple(row) for row in counts.tolist())
    return Matrix("Rows by class", "class in the data", "class predicted", tuple(names), tuple(names), values)
