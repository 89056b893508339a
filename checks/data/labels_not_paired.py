from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import counted, number, percent
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Baseline, Evaluation, NotMeasured, OutputBaseline, Score, Shift, Within
from diagnose.registry import check

GENERALISES = 0.1  # skill within a split from which its rows tell their own targets
ROWS = 30  # of the split; fewer show nothing
SURE = 100  # rows from which on it is an error
UNLIKE = 0.9  # area under the curve: inputs that differ so much explain the failure without a fault in the labels
HALF = 0.5  # share of the skill within train below which targets do not fit their rows
RESTORED = 0.8  # share of it that moved targets must bring back
RENAMED = 0.5  # share of the skill on train that a renaming of the classes must bring back
DEV = "Pass rows that the model was not trained on: --dev PATH."


@check("Rows and labels that do not belong together", family="data", reading=(RECIPE, NOT_WORKING))
def labels_not_paired(baseline: Baseline, evaluation: Evaluation, shift: Shift | None) -> Iterator[Finding]:
    """Compares how well rows tell their targets within train with how well they do across the splits.

    ## What it measures
    The skill of the same kind of baseline three times: fitted and evaluated within train, fitted on train and evaluated
    on dev, and fitted and evaluated within dev; and the skill of the network on train and on dev.

    ## Why it matters
    Files listed in another order than their labels, a generator that shuffles the rows while the labels are read
    separately, a class folder list in another order: the labels of one split then belong to other rows. Every figure on
    that split is wrong, and no change of the model helps.

    ## How it is decided
    An error (a warning below 100 rows) if a baseline within train is clearly better than the constant prediction (95 %,
    and 0.1 of skill), while on dev neither a baseline fitted on train nor the network is, the intervals of the errors
    do not overlap, and rows of dev do not tell the targets of dev either; or if the classes of dev only need to be
    renamed; or if the rows of dev tell their targets and those of train do not. Also if a baseline has less than half
    of that skill on dev, and at least 80 % of it once the targets of dev are moved by a few rows (at most 10 either
    way, corrected for the number of moves). If dev has other inputs than train (two-sample classifier, area under the
    curve above 0.9), nothing is concluded. At least 30 rows.

    ## Known limits
    A split in which only some labels are wrong is not found. If no baseline can predict the target even within train,
    nothing is concluded.

    ## References
    - Ojala, Garriga 2010, "Permutation Tests for Studying Classifier Performance", JMLR 11
    - Northcutt, Athalye, Mueller 2021, "Pervasive Label Errors in Test Sets", arXiv:2103.14749
    """
    if baseline.held_out == "train":
        raise NotMeasured("there is no split to compare with train", DEV)
    for output in baseline.outputs:
        within, own = output.within_split("train"), output.within_split(baseline.held_out)
        net = _net(evaluation, baseline.held_out, output)
        if output.rows_dev < ROWS or within is None or net is None:
            continue
        if _slipped(output, within):
            yield _finding(_as_slipped(baseline.held_out, output, within), output, within, baseline.held_out)
            continue
        if output.signal:
            continue
        train, other = net
        if _tells(within) and not _beats(other) and within.error_interval.high < output.best.error_interval.low:
            names = _renamed(other, train)
            if names is not None:
                yield _finding(_as_renamed(baseline.held_out, other, names), output, within, baseline.held_out)
            elif (own is None or not _tells(own)) and not _unlike(shift, baseline.held_out):
                yield _finding(_as_unpaired(baseline.held_out, output, within), output, within, baseline.held_out)
        elif own is not None and _tells(own) and not _tells(within) and own.error_interval.high < within.error:
            yield _finding(_as_unpaired_train(baseline.held_out, output, own), output, own, "train")


def _net(evaluation: Evaluation, split: str, output: OutputBaseline) -> tuple[Score, Score] | None:
    """The network's scores on train and on the other split."""
    train, other = evaluation.score("train", output.output), evaluation.score(split, output.output)
    return (train, other) if train is not None and other is not None else None


def _tells(within: Within) -> bool:
    """Whether rows of the split tell their targets; the best of several baselines is a little better by chance."""
    return within.signal and within.skill >= GENERALISES


def _beats(score: Score) -> bool:
    return score.beats_constant_error.low > 0 or score.beats_constant_loss.low > 0


def _unlike(shift: Shift | None, split: str) -> bool:
    found = shift.splits.get(split) if shift is not None else None
    return found is not None and found.auc_interval.low > UNLIKE


def _renamed(score: Score, train: Score) -> tuple[float, tuple[int, ...]] | None:
    """The share of rows that are right after the best renaming of the classes, if that brings the skill back."""
    from scipy.optimize import linear_sum_assignment

    matrix = np.asarray(score.confusion)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.sum() == 0 or not score.constant_error > 0:
        return None
    rows, columns = linear_sum_assignment(-matrix)
    right = float(matrix[rows, columns].sum() / matrix.sum())
    skill = 1 - (1 - right) / score.constant_error
    return (right, tuple(columns.tolist())) if skill >= RENAMED * max(train.skill, RENAMED) else None


def _slipped(output: OutputBaseline, within: Within) -> bool:
    """Whether the targets of the split do not fit, and do once they are moved by a few rows."""
    slip, lost = output.slip, _tells(within) and output.best.skill < HALF * within.skill
    return lost and slip is not None and slip.better.low > 0 and slip.skill >= RESTORED * within.skill


def _as_slipped(split: str, output: OutputBaseline, within: Within) -> str:
    moved, skill = (output.slip.rows, output.slip.skill) if output.slip is not None else (0, 0.0)
    return (
        f"on {split} {output.best.name} has a skill of {number(output.best.skill)}, but {number(skill)}"
        f" if each row gets the target {counted(abs(moved), 'row')} {'after' if moved > 0 else 'before'} it"
        f" ({number(within.skill)} on rows held out from train)"
    )


def _as_renamed(split: str, score: Score, names: tuple[float, tuple[int, ...]]) -> str:
    right, order = names
    moved = [f"{truth} as {called}" for truth, called in enumerate(order) if truth != called]
    return (
        f"{percent(score.error)} of the rows on {split} are wrong, but only {percent(1 - right)} if the classes of "
        f"{split} are renumbered ({', '.join(moved[:3])}{' ...' if len(moved) > 3 else ''})"
    )


def _as_unpaired(split: str, output: OutputBaseline, within: Within) -> str:
    return (
        f"rows of train tell the targets of train (skill {number(within.skill)} of {within.name} on {within.rows:,} "
        f"rows held out), but neither the network nor a baseline predicts those of {split} (skill "
        f"{number(output.net_skill)} and {number(output.best.skill)})"
    )


def _as_unpaired_train(split: str, output: OutputBaseline, own: Within) -> str:
    return (
        f"rows of {split} tell the targets of {split} (skill {number(own.skill)} of {own.name} on {own.rows:,} rows "
        f"held out), but rows of train tell neither their own nor those of {split} (skill {number(output.best.skill)})"
    )


def _finding(message: str, output: OutputBaseline, within: Within, split: str) -> Finding:
    return Finding(
        Severity.ERROR if min(output.rows_dev, within.rows) >= SURE else Severity.WARNING,
        message,
        where=Where(output=output.output, split=split),
        value=output.best.skill,
        unit="skill",
        threshold=within.skill,
        rows=output.rows_dev,
        evidence=(
            Bars(
                f"Skill for {output.output}: 0 is the constant prediction, 1 is perfect",
                ("your network", output.best.name, *(f"{one.name} within {one.split}" for one in output.within)),
                (output.net_skill, output.best.skill, *(one.skill for one in output.within)),
                unit="skill",
            ),
        ),
    )
