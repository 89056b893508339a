"""The errors of the model: one level for each output and split."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from diagnose.diagnosis import ClassLevel, ErrorLevel, MacroLevel
from diagnose.intervals import share_interval, wilson
from diagnose.measurements import Baseline, Evaluation, OutputBaseline, Positions, Score, SplitScores
from diagnose.subject import Output, Subject, Task

SPLITS = ("train", "train_dev", "dev", "test")


def errors_of(subject: Subject, measurements: Mapping[type, object]) -> tuple[ErrorLevel, ...]:
    """The errors of every output on every evaluated split."""
    evaluation, baseline = measurements.get(Evaluation), measurements.get(Baseline)
    if not isinstance(evaluation, Evaluation):
        return ()
    known = baseline if isinstance(baseline, Baseline) else None
    return tuple(_levels(subject, evaluation, known))


def _levels(subject: Subject, evaluation: Evaluation, baseline: Baseline | None) -> Iterator[ErrorLevel]:
    populations = {split.name: split.population if split.sampled else split.rows for split in subject.splits}
    for place, output in enumerate(subject.outputs):
        best = next((b for b in baseline.outputs if b.output == output.name), None) if baseline else None
        for name in SPLITS:
            split = getattr(evaluation, name)
            if isinstance(split, SplitScores):
                level = _level(output, split.split, split.scores[place], best)
                yield replace(
                    level,
                    population=populations.get(split.split),
                    baseline_split=baseline.held_out if baseline is not None and best is not None else None,
                )


def _level(output: Output, split: str, score: Score, baseline: OutputBaseline | None) -> ErrorLevel:
    best = baseline.best if baseline is not None else None
    return ErrorLevel(
        output=output.name,
        split=split,
        unit=output.task.unit,
        error=score.error,
        interval=score.error_interval,
        rows=score.rows,
        population=None,
        constant_error=score.constant_error,
        skill=score.skill,
        loss=score.own_loss,
        metrics=dict(score.metrics),
        target_error=output.target_error,
        baseline=best.name if best else None,
        baseline_error=best.error if best else None,
        baseline_interval=best.error_interval if best else None,
        own_constant_error=score.own_constant_error,
        macro=_macro(score.positions),
        classes=_classes(output, score),
    )


def _macro(positions: Positions | None) -> tuple[MacroLevel, ...]:
    if positions is None:
        return ()
    macro = {"recall": positions.macro_recall, "IoU": positions.macro_iou, "dice": positions.macro_dice}
    return tuple(MacroLevel(f"macro {name}", found.value, found.interval) for name, found in macro.items())


def _classes(output: Output, score: Score) -> tuple[ClassLevel, ...]:
    """The classes of an output: those at its positions, or else those of its rows."""
    if score.positions is None:
        return tuple(_of_rows(output, score.confusion))
    on_off = output.task is Task.MULTILABEL
    return tuple(
        ClassLevel(
            name=("off", "on")[one.number] if on_off else output.class_name(one.number),
            share=one.share,
            predicted=one.predicted,
            rows=one.rows,
            recall=one.recall.value,
            recall_interval=one.recall.interval,
            precision=one.precision.value if one.precision is not None else None,
            iou=one.iou.value,
            dice=one.dice.value,
            dice_interval=one.dice.interval,
            **_confused(output, score.confusion, one.number),
        )
        for one in score.positions.classes
    )


def _of_rows(output: Output, confusion: Sequence[Sequence[float]]) -> Iterator[ClassLevel]:
    """The classes that occur or are predicted, from counts of rows by actual and predicted class."""
    rows = sum(map(sum, confusion))
    for number, counts in enumerate(confusion):
        actual, predicted, both = sum(counts), sum(row[number] for row in confusion), counts[number]
        if not actual:
            continue
        dice = 2 * both / (actual + predicted)
        # the sum of squared residuals of the ratio 2 both / (actual + predicted)
        squares = both * (2 - 2 * dice) ** 2 + (actual + predicted - 2 * both) * dice**2
        error = math.sqrt(rows / max(rows - 1, 1) * squares) / (actual + predicted)
        yield ClassLevel(
            name=output.class_name(number),
            share=actual / rows,
            predicted=predicted / rows,
            rows=round(actual),
            recall=both / actual,
            recall_interval=wilson(both, actual),
            precision=both / predicted if predicted else None,
            iou=both / (actual + predicted - both),
            dice=dice,
            dice_interval=share_interval(dice, error, actual),
            **_confused(output, confusion, number),
        )


def _confused(output: Output, confusion: Sequence[Sequence[float]], number: int) -> dict[str, Any]:
    """The class that a class is most often taken for, and the share of its positions; nothing if there is none."""
    counts = confusion[number] if number < len(confusion) else ()
    wrong = [(count, other) for other, count in enumerate(counts) if other != number and count > 0]
    if not wrong:
        return {}
    count, other = max(wrong)
    return {"confused": output.class_name(other), "confused_share": count / sum(counts)}
