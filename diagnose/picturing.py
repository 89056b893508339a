"""Rows of the user's data as small pictures or text, for the report; left out with `--no-samples`."""

from __future__ import annotations

import base64
import io
from typing import Any

from diagnose.findings import Sample, Samples
from diagnose.measurements import Evaluation, SplitScores
from diagnose.subject import Subject

LARGEST = 64  # pixels a side
MOST_VALUES = 8  # of a table row


def worst_rows(subject: Subject, evaluation: Evaluation, most: int = 12) -> Samples | None:
    """The rows with the largest loss on dev (on train where there is no dev), as pictures or short text."""
    scores = evaluation.dev if isinstance(evaluation.dev, SplitScores) else evaluation.train
    if not isinstance(scores, SplitScores) or not scores.worst:
        return None
    split = next(s for s in subject.splits if s.name == scores.split)
    items = tuple(_sample(subject, split.inputs[0][row], split.targets[0][row], row) for row in scores.worst[:most])
    return Samples(f"Largest losses on {scores.split.replace('_', '-')}", items)


def _sample(subject: Subject, row: Any, target: Any, number: int) -> Sample:
    import numpy as np

    caption = f"row {number}, target {_target(subject, np.asarray(target))}"
    values = np.asarray(row)
    picture = _picture(values)
    if picture is not None:
        return Sample(caption, png=picture)
    flat = values.reshape(-1)
    shown = ", ".join(f"{v:.3g}" if np.issubdtype(flat.dtype, np.number) else str(v)[:200] for v in flat[:MOST_VALUES])
    return Sample(caption, text=shown + (" ..." if flat.size > MOST_VALUES else ""))


def _target(subject: Subject, target: Any) -> str:
    import numpy as np

    output = subject.outputs[0]
    if not output.task.classifies:
        return ", ".join(f"{v:.4g}" for v in target.reshape(-1)[:4])
    if target.size > 1 and output.task.value == "multilabel":
        return ", ".join(str(k) for k in np.flatnonzero(target.reshape(-1))[:6]) or "none"
    label = int(target.reshape(-1).argmax()) if target.size > 1 else int(target.reshape(-1)[0])
    return output.class_names[label] if 0 <= label < len(output.class_names) else str(label)


def _picture(values: Any) -> str | None:
    """PNG in base64 of a (height, width), (height, width, 1) or (height, width, 3) row, scaled to 0-255."""
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
