"""Figures of the predictions on dev, or else on train: confusions, reliability, thresholds, residuals, positions."""

from collections.abc import Iterator
from dataclasses import replace

from diagnose.findings import Curves, Evidence, Histogram, Interval, Mark, Matrix, Series
from diagnose.measurements import Evaluation, Group, Reliability, Residuals, Score, SplitScores, Thresholds, Unavailable
from diagnose.subject import Output, Subject

PERCENT = 100


def predictions(subject: Subject, evaluation: Evaluation) -> Iterator[Evidence]:
    """The figures of each output; parts that do not apply to its task are left out."""
    split = evaluation.dev if isinstance(evaluation.dev, SplitScores) else evaluation.train
    if isinstance(split, Unavailable):
        return
    for output, score in zip(subject.outputs, split.scores, strict=True):
        of = f" of {output.name}" if len(subject.outputs) > 1 else ""
        yield from _of_output(output, score, f"on {split.split.replace('_', '-')}{of}")


def _of_output(output: Output, score: Score, where: str) -> Iterator[Evidence]:
    """`where`: the split and the output, as the end of a title."""
    if score.confusion:
        names = tuple(output.class_name(number) for number in range(len(score.confusion)))
        yield Matrix(f"Confusion {where}", "actual", "predicted", names, names, score.confusion)
    if score.reliability is not None and len(score.reliability.groups) > 1:
        yield _reliability(score.reliability, where)
    if score.thresholds is not None:
        yield from _thresholds(score.thresholds, output, score, where)
    if score.residuals is not None:
        yield from _residuals(score.residuals, where)
    if len(score.along) > 1:
        yield _along(score.along, output, where)


def _along(groups: tuple[Group, ...], output: Output, where: str) -> Curves:
    """The error along a sequence: the first positions lack context, and the last ones of a forecast lie far ahead."""
    if output.task.classifies:
        times = [
            replace(group, observed=PERCENT * group.observed, interval=_percent(group.interval)) for group in groups
        ]
        return Curves(
            f"Error rate by position {where}", "position", "wrong, %", (_series("error", times, _role(where)),)
        )
    return Curves(f"RMSE by position {where}", "position", "RMSE", (_series("RMSE", list(groups), _role(where)),))


def _percent(span: Interval | None) -> Interval | None:
    return None if span is None else Interval(PERCENT * span.low, PERCENT * span.high, span.level)


def _role(where: str) -> str:
    return where.split()[1]


def _reliability(found: Reliability, where: str) -> Curves:
    """How often predictions are right, by their probability; on the diagonal they are as sure as they should be."""
    groups = [group for group in found.groups if group.count]
    own = _series("predictions", groups, _role(where), PERCENT)
    least = min(own.x)
    diagonal = Series("as sure as right", (least, 100.0), (least, 100.0), role="reference")
    apart = f"{PERCENT * found.error:.1f}"
    title = f"Reliability {where}: probability and share right differ by {apart} points on average"
    return Curves(title, "stated probability, %", "right, %", (own, diagonal))


def _series(name: str, groups: list[Group], role: str, times: float = 1.0) -> Series:
    known = [group.interval for group in groups if group.interval is not None]
    whole = len(known) == len(groups)
    return Series(
        name,
        tuple(times * group.predicted for group in groups),
        tuple(times * group.observed for group in groups),
        tuple(times * span.low for span in known) if whole else (),
        tuple(times * span.high for span in known) if whole else (),
        role=role,
    )


def _thresholds(found: Thresholds, output: Output, score: Score, where: str) -> Iterator[Curves]:
    """The ROC curve, and precision by recall; the threshold of one half is marked."""
    role, positive = _role(where), output.class_name(1)
    half = max((place for place, value in enumerate(found.values) if value >= 0.5), default=0)
    area = f", AUC {score.separation[1]:.3f}" if len(score.separation) > 1 else ""
    false = tuple(PERCENT * share for share in (0.0, *found.false_positives))
    recall = tuple(PERCENT * share for share in (0.0, *found.recall))
    guess = Series("guessing", (0.0, 100.0), (0.0, 100.0), role="reference")
    yield Curves(
        f"ROC curve {where}{area}",
        f"false positives, % of {output.class_name(0)}",
        f"recall, % of {positive}",
        (Series("model", false, recall, role=role), guess),
        (Mark("threshold 0.5", PERCENT * found.false_positives[half]),),
    )
    level = (PERCENT * found.positives,) * 2
    precision = tuple(PERCENT * share for share in found.precision)
    yield Curves(
        f"Precision by recall {where}",
        f"recall, % of {positive}",
        "precision, %",
        (Series("model", recall[1:], precision, role=role), Series("guessing", (0.0, 100.0), level, role="reference")),
        (Mark("threshold 0.5", recall[half + 1]),),
    )


def _residuals(found: Residuals, where: str) -> Iterator[Evidence]:
    """The distribution of the residuals, and their mean by prediction: away from 0 the model is wrong on average."""
    yield Histogram(f"Residuals {where}", "prediction − target", found.edges, tuple(map(float, found.counts)))
    own = _series("mean residual", list(found.groups), _role(where))
    zero = Series("right on average", (min(own.x), max(own.x)), (0.0, 0.0), role="reference")
    yield Curves(f"Mean residual by prediction {where}", "prediction", "prediction − target", (own, zero))
