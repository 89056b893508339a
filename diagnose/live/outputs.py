"""A watched training as each of several outputs fared."""

import numpy as np

from diagnose.live.constants import ConstantLoss
from diagnose.live.recording import Record
from diagnose.measurements import Evaluation, History, Score, SplitScores
from diagnose.subject import Output


def by_output(
    record: Record,
    whole: History,
    outputs: tuple[Output, ...],
    constant: ConstantLoss | None,
    scores: tuple[Score, ...],
) -> dict[str, History]:
    """The history of each output by its name; empty unless it is known of all.

    Args:
        record, whole: the training, and the history of all outputs together.
        outputs: those of the model.
        constant: the loss of the best constant prediction.
        scores: on the validation rows, by output; () if they were not scored.
    """
    constants = (None,) * len(outputs) if constant is None else constant.by_output
    errors = [dev_se(score, whole.dev_rows) for score in scores] or [None] * len(outputs)
    views = {
        output.name: record.of_output(whole, output.name, loss, error)
        for output, loss, error in zip(outputs, constants, errors, strict=True)
    }
    known = {name: view for name, view in views.items() if view is not None}
    return known if len(known) == len(outputs) else {}


def dev_scores(evaluation: object) -> tuple[Score, ...]:
    """The scores on the validation rows by output; () if they were not scored."""
    found = evaluation.dev if isinstance(evaluation, Evaluation) else None
    return found.scores if isinstance(found, SplitScores) else ()


def dev_se(score: Score, dev_rows: int | None) -> float | None:
    """Standard error of the dev loss of an output over all validation rows, estimated from the sampled rows."""
    width = (score.loss_interval.high - score.loss_interval.low) / (2 * 1.96)
    return float(width * np.sqrt(score.rows / dev_rows)) if dev_rows and np.isfinite(width) else None
