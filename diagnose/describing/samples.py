"""Rows of the user's data as small images or text, for the report; omitted with `--no-samples`."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from diagnose.findings import Sample, Samples
from diagnose.measurements import Evaluation, SplitScores, Words
from diagnose.subject import Output, Split, Subject, Task

LARGEST = 64  # pixels per side
MOST_VALUES = 8  # values of a table row
MOST_TOKENS = 60  # of a text, and numbers of words
LONGEST = 300  # characters of a text


def first_rows(subject: Subject, kind: str = "", words: Words | None = None) -> Samples:
    """Rows of train with their targets, as fed to the model.

    Args:
        subject: whose first input and output are shown.
        kind: that of the input, see `InputStatistics`.
        words: what the model makes of its texts.
    """
    items = _samples(subject, subject.train, [(row, None) for row in subject.train.first], kind, words)
    return Samples("Training rows as fed to the model", items)


def worst_rows(subject: Subject, evaluation: Evaluation, kind: str = "", words: Words | None = None) -> Samples | None:
    """The rows with the largest loss on dev (on train if there is no dev set), with target and prediction."""
    scores = evaluation.dev if isinstance(evaluation.dev, SplitScores) else evaluation.train
    if not isinstance(scores, SplitScores) or not scores.worst:
        return None
    split = next(s for s in subject.splits if s.name == scores.split)
    outputs = (*scores.worst_outputs, *(None,) * len(scores.worst))
    items = _samples(subject, split, list(zip(scores.worst, outputs, strict=False)), kind, words)
    return Samples(f"Largest losses on {scores.split.replace('_', '-')}", items)


def _samples(
    subject: Subject,
    split: Split,
    rows: Sequence[tuple[int, Sequence[float] | None]],
    kind: str,
    words: Words | None,
) -> tuple[Sample, ...]:
    """`rows`: their numbers, with what the model predicts for them where that is known."""
    import numpy as np

    output = subject.outputs[0]
    most = MOST_TOKENS if kind == "tokens" else MOST_VALUES
    items = []
    for row, predicted in rows:
        target = np.asarray(split.targets[0][row])
        caption, pair = f"row {row}", ""
        if _told(output, target):
            truth = _target(output, target)
            caption += f": {truth}"
            if predicted is not None:
                values = np.asarray(predicted)
                caption, pair = f"{caption}, predicted {_prediction(output, values)}", _pair(output, truth, values)
        sample = _sample(np.asarray(split.inputs[0][row]), caption, most)
        read = words.read.get((split.name, row), ()) if words is not None and sample.text else ()
        items.append(replace(sample, tokens=read[:MOST_TOKENS], pair=pair))
    return tuple(items)


def _told(output: Output, target: Any) -> bool:
    """Whether a few words tell the target: numbers, labels, or one class, but not the classes of many positions."""
    if not output.task.classifies or output.task is Task.MULTILABEL or target.size == 1:
        return True
    return target.ndim == 1 and target.size == output.classes and not (output.loss or "").startswith("sparse")


def _pair(output: Output, truth: str, values: Any) -> str:
    """The class and what it was taken for; "" if that is the class, or if there is no single class."""
    import numpy as np

    if not output.task.classifies or output.task is Task.MULTILABEL or not np.isfinite(values).all():
        return ""
    chosen = _class(output, values)
    return f"{truth} as {chosen}" if chosen != truth else ""


def _class(output: Output, values: Any) -> str:
    """The predicted class: the likeliest, or the side of one half of a single output."""
    half = 0.0 if output.from_logits else 0.5
    return output.class_name(float(values[0] > half) if values.size == 1 else float(values.argmax()))


def _sample(values: Any, caption: str, most: int) -> Sample:
    import numpy as np

    picture = _picture(values)
    if picture is not None:
        return Sample(caption, png=picture)
    flat = values.reshape(-1)
    if not np.issubdtype(flat.dtype, np.number):
        return Sample(caption, text=" ".join(str(value) for value in flat)[:LONGEST])
    shown = ", ".join(f"{value:.3g}" for value in flat[:most])
    return Sample(caption, text=shown + (" ..." if flat.size > most else ""))


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
