"""What replays of a training reach, and the loaded weights beside them."""

import math
from dataclasses import dataclass

import numpy as np

from diagnose.measurements import Array, Evaluation, History, Network, Run, SplitScores

FEWEST = 3  # replays; fewer do not show how much seeds differ
SPREAD = 3.0  # standard deviations between seeds
CLEAR = 0.1  # skill: the least difference between replays and loaded weights that matters
LEARNED = 0.1  # train skill of the loaded weights; below, training never got off the ground
AS_LONG = 1.05  # times the user's steps; a longer replay shows nothing


@dataclass(frozen=True)
class Shortfall:
    """Loaded weights that are far below every replay of their training: skills (1 is perfect, 0 a constant).

    `split`: the rows on which the loaded weights were judged.
    """

    loaded: float
    replays: Array
    threshold: float
    split: str

    @property
    def gain(self) -> float:
        """The mean of the replays above the loaded weights."""
        return float(self.replays.mean()) - self.loaded


def as_long_as_the_training(history: History, network: Network | None) -> bool:
    """Whether these are replays of the whole training, with no more steps than the file says."""
    own, taken = network.iterations if network is not None else None, steps_of(history)
    whole = history.origin == "replay" and history.whole
    return whole and own is not None and taken is not None and taken <= AS_LONG * own


def shortfall(history: History, evaluation: Evaluation | None, output: str) -> Shortfall | None:
    """What the loaded weights lack of replays that are as long; None if it is no more than seeds differ by, or unknown.

    The replays are judged on new rows. The loaded weights are judged on train, which is the easier test, or on the same
    new rows, where a further training would lie below the replays by more than this in one case of 40.
    """
    trained = loaded_skill(evaluation, output)
    skills = np.array([reached(run) for run in history.of(output).runs])
    if trained is None or trained < LEARNED or len(skills) < FEWEST or not np.isfinite(skills).all():
        return None
    spread = float(skills.std(ddof=1))
    judged = [Shortfall(trained, skills, max(CLEAR, SPREAD * spread), "train")]
    unseen = loaded_skill(evaluation, output, "dev") if history.dev_origin == "dev" else None
    if unseen is not None and all(math.isfinite(run.final_dev_skill) for run in history.of(output).runs):
        judged.append(Shortfall(unseen, skills, max(CLEAR, further(spread, len(skills))), "dev"))
    return next((one for one in judged if one.gain > one.threshold and skills.min() > one.loaded), None)


def further(spread: float, count: int) -> float:
    """How far from the mean of so many values a further one lies with 95 % (Student's t)."""
    from scipy.stats import t

    return float(t.ppf(0.975, count - 1)) * spread * math.sqrt(1 + 1 / count)


def loaded_skill(evaluation: Evaluation | None, output: str, split: str = "train") -> float | None:
    """The skill of this output on a split, or, for "", of the only one."""
    scored = getattr(evaluation, split, None)
    if evaluation is None or not isinstance(scored, SplitScores):
        return None
    score = evaluation.score(split, output) or scored.scores[0]
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
