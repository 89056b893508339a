"""Leaves out the outputs that have no task, for checks that need one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from diagnose.measurements.dataset import Dataset, SplitStatistics
from diagnose.measurements.evaluation import Evaluation, Initial, SplitScores
from diagnose.measurements.needing import NotMeasured
from diagnose.measurements.network import Network
from diagnose.subject import Task

NAME_TASK = "Name the task, if there is one: --task T."


def with_task(measurements: Mapping[type, object]) -> Mapping[type, object]:
    """Return the measurements without the outputs that are judged by the user's own loss.

    Raises:
        NotMeasured: no output has a task.
    """
    tasks = _tasks(measurements)
    own = frozenset(name for name, task in tasks.items() if task is Task.OWN_LOSS)
    if not own:
        return measurements
    if len(own) == len(tasks):
        raise NotMeasured("needs a task, and neither the loss nor the head names one", NAME_TASK)
    return {kind: _without(value, own) for kind, value in measurements.items()}


def _tasks(measurements: Mapping[type, object]) -> dict[str, Task]:
    """The task of each output, by its name."""
    network, evaluation = measurements.get(Network), measurements.get(Evaluation)
    if isinstance(network, Network):
        return {head.output.name: head.output.task for head in network.heads}
    train = evaluation.train if isinstance(evaluation, Evaluation) else None
    return {score.output: score.task for score in train.scores} if isinstance(train, SplitScores) else {}


def _without(value: object, own: frozenset[str]) -> object:
    match value:
        case Network():
            return replace(value, heads=tuple(head for head in value.heads if head.output.name not in own))
        case Evaluation(train, dev, test, train_dev):
            return Evaluation(*(_scores(split, own) for split in (train, dev, test, train_dev)))
        case Dataset(train, dev, test, train_dev):
            splits = [_targets(split, own) for split in (train, dev, test, train_dev)]
            return replace(value, **dict(zip(("train", "dev", "test", "train_dev"), splits, strict=True)))
        case Initial():
            kept = [place for place, name in enumerate(value.outputs) if name not in own]
            return replace(
                value,
                outputs=tuple(value.outputs[place] for place in kept),
                losses=tuple(value.losses[place] for place in kept),
                expected=tuple(value.expected[place] for place in kept),
            )
    return value


def _scores(split: Any, own: frozenset[str]) -> Any:
    if not isinstance(split, SplitScores):
        return split
    return replace(split, scores=tuple(score for score in split.scores if score.output not in own))


def _targets(split: Any, own: frozenset[str]) -> Any:
    if not isinstance(split, SplitStatistics):
        return split
    return replace(split, targets=tuple(target for target in split.targets if target.output not in own))
