"""What replays of a training reach, and the loaded weights beside them."""

import math

from diagnose.measurements import Evaluation, History, Run, Unavailable


def loaded_skill(evaluation: Evaluation | None, output: str) -> float | None:
    """The train skill of this output, or, for "", of the only one."""
    if evaluation is None or isinstance(evaluation.train, Unavailable):
        return None
    score = evaluation.score("train", output) or evaluation.train.scores[0]
    return score.skill if math.isfinite(score.skill) else None


def reached(run: Run) -> float:
    """Skill on rows that the replay has not seen, the harder test; on train if there are none."""
    return run.final_dev_skill if math.isfinite(run.final_dev_skill) else run.final_train_skill


def steps_of(history: History) -> int | None:
    """The steps of the longest run; None if unknown."""
    if history.steps_per_epoch is None:
        return None
    last = max((float(run.epochs[-1]) for run in history.runs if len(run.epochs)), default=0.0)
    return round(last * history.steps_per_epoch) if math.isfinite(last * history.steps_per_epoch) else None
