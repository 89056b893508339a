"""The chart of error levels that the checks on generalisation share."""

from diagnose.checks.reading.gaps import Optimum
from diagnose.findings import Bars, Interval
from diagnose.measurements import Evaluation, SplitScores, Unavailable


def error_levels(evaluation: Evaluation, output: str, best: Optimum | None = None) -> Bars:
    """The best constant prediction, every evaluated split and the best known error, with 95 % intervals."""
    known = [(s.split, score) for s in _splits(evaluation) for score in s.scores if score.output == output]
    train = known[0][1]
    levels: list[tuple[str, float, Interval]] = [
        ("constant, train", train.constant_error, Interval(train.constant_error, train.constant_error))
    ]
    levels += [(split, score.error, score.error_interval) for split, score in known]
    if best is not None:
        levels.append((best.name, best.error, best.interval))
    several = any(len(split.scores) > 1 for split in _splits(evaluation))
    return Bars(
        f"Error by split of {output}" if several else "Error by split",
        tuple(name for name, _, _ in levels),
        tuple(error for _, error, _ in levels),
        train.task.unit,
        tuple(interval.low for _, _, interval in levels),
        tuple(interval.high for _, _, interval in levels),
        threshold=best.error if best is not None and best.given else None,
    )


def _splits(evaluation: Evaluation) -> tuple[SplitScores, ...]:
    every = (evaluation.train, evaluation.train_dev, evaluation.dev, evaluation.test)
    return tuple(split for split in every if not isinstance(split, Unavailable))
