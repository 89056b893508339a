"""Rows of the user's data as small images or text, for the report; omitted with `--no-samples`."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

from diagnose.findings import Sample, Samples
from diagnose.measurements import Evaluation, SplitScores
from diagnose.subject import Output, Split, Subject, Task

LARGEST = 64  # pixels per side
MOST_VALUES = 8  # values of a table row
LONGEST = 300  # characters of a text
MOST = 12  # rows
SPREAD = 1_000  # the rows are spaced evenly over this many, because files are often sorted by class


def first_rows(subject: Subject) -> Samples:
    """Rows of train with their targets, as fed to the model; evenly spaced over the first thousand."""
    rows = min(SPREAD, subject.train.rows)
    places = [number * rows // MOST for number in range(MOST)] if rows >= MOST else list(range(rows))
    return Samples("Training rows as fed to the model", _samples(subject, subject.train, places))


def worst_rows(subject: Subject, evaluation: Evaluation) -> Samples | None:
    """The rows with the largest loss on dev (on train if there is no dev set), with target and prediction."""
    scores = evaluation.dev if isinstance(evaluation.dev, SplitScores) else evaluation.train
    if not isinstance(scores, SplitScores) or not scores.worst:
        return None
    split = next(s for s in subject.splits if s.name == scores.split)
    items = _samples(subject, split, scores.worst[:MOST], scores.worst_outputs)
    return Samples(f"Largest losses on {scores.split.replace('_', '-')}", items)


def _samples(
    subject: Subject, split: Split, rows: Sequence[int], predicted: Sequence[Sequence[float]] = ()
) -> tuple[Sample, ...]:
    import numpy as np

    output = subject.outputs[0]
    items = []
    for place, row in enumerate(rows):
        caption = f"row {row}: {_target(output, np.asarray(split.targets[0][row]))}"
        if place < len(predicted):
            caption += f", predicted {_prediction(output, np.asarray(predicted[place]))}"
        items.append(_sample(np.asarray(split.inputs[0][row]), caption))
    return tuple(items)


def _sample(values: Any, caption: str) -> Sample:
    import numpy as np

    picture = _picture(values)
    if picture is not None:
        return Sample(caption, png=picture)
    flat = values.reshape(-1)
    if not np.issubdtype(flat.dtype, np.number):
        return Sample(caption, text=" ".join(str(value) for value in flat)[:LONGEST])
    shown = ", ".join(f"{value:.3g}" for value in flat[:MOST_VALUES])
    return Sample(caption, text=shown + (" ..." if flat.size > MOST_VALUES else ""))


def _target(output: Output, target: Any) -> str:
    """The target: names of the true classes, or numbers."""
    import numpy as np

    flat = target.reshape(-1)
    if not output.task.classifies:
        return _numbers(flat)
    if output.task is Task.MULTILABEL and flat.size > 1:
        return ", ".join(output.class_name(k) for k in np.flatnonzero(flat)[:6]) or "none"
    return output.class_name(float(flat.argmax() if flat.size > 1 else flat[0]))


def _prediction(output: Output, values: Any) -> str:
    """The prediction: the class, with its probability if the outputs are probabilities, or numbers."""
    import numpy as np

    if not np.isfinite(values).all():
        return "NaN or infinite"
    if not output.task.classifies:
        return _numbers(values)
    if output.task is Task.MULTILABEL or values.size == 1:
        if output.from_logits:
            values = 1 / (1 + np.exp(-values))
        if values.size == 1:
            likely = float(values[0] > 0.5)
            return f"{output.class_name(likely)} ({100 * max(values[0], 1 - values[0]):.1f} %)"
        return ", ".join(output.class_name(k) for k in np.flatnonzero(values > 0.5)[:6]) or "none"
    best = output.class_name(float(values.argmax()))
    probable = values.min() >= 0 and abs(values.sum() - 1) < 0.01
    return f"{best} ({100 * values.max():.1f} %)" if probable else best


def _numbers(values: Any) -> str:
    return ", ".join(f"{value:.4g}" for value in values[:4]) + (" ..." if values.size > 4 else "")


def _picture(values: Any) -> str | None:
    """A row of shape (height, width), (height, width, 1) or (height, width, 3) as base64 PNG, scaled to 0-255."""
    import numpy as np
    from PIL import Image

    if values.dtype.kind not in "fiub" or values.ndim not in (2, 3) or min(values.shape[:2]) < 8:
        return None
    if values.ndim == 3 and values.shape[2] not in (1, 3):
        return None
    pixels = np.nan_to_num(values.astype("float64"))
    low, high = float(pixels.min()), float(pixels.max())
    pixels = (pixels - low) / (high - low) * 255 if high > low else pixels * 0
    image = Image.fromarray(pixels.astype("uint8").squeeze())
    image.thumbnail((LARGEST, LARGEST))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
