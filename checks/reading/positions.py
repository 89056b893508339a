"""Words for the positions of an output: pixels, time steps, labels."""

from diagnose.measurements import Network, Score
from diagnose.subject import Task


def positions_word(network: Network | None, score: Score) -> str:
    """What a position is: "pixels", "voxels", "time steps", "labels" or "positions"."""
    if score.task is Task.MULTILABEL:
        return "labels"
    heads = [head for head in network.heads if head.output.name == score.output] if network is not None else []
    axes = len(heads[0].shape) - 1 if heads else 0
    return {1: "time steps", 2: "pixels", 3: "voxels"}.get(axes, "positions")


def position_class(network: Network | None, score: Score, number: int) -> str:
    """A class of a position in words: "class cat", or "on" and "off" of a label."""
    if score.task is Task.MULTILABEL:
        return "on" if number else "off"
    from diagnose.checks.reading.classes import class_name

    return f"class {class_name(network, score.output, number)}"
