"""Facts about the subject, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diagnose.measurements import Dataset, Network
from diagnose.subject import Output, Split, Subject


@dataclass(frozen=True)
class Facts:
    """Facts that reports and verdicts use. `images`: whether any input is an image."""

    subject: dict[str, Any]
    images: bool


def describe(subject: Subject, measurements: Mapping[type, object]) -> Facts:
    """Collect the facts about the subject."""
    network, dataset = measurements.get(Network), measurements.get(Dataset)
    inputs = dataset.train.inputs if isinstance(dataset, Dataset) else ()
    facts: dict[str, Any] = {
        "name": subject.name,
        "trained": subject.trained,
        "outputs": [_output(output) for output in subject.outputs],
        "inputs": [{"name": i.name, "kind": i.kind, "shape": list(i.shape)} for i in inputs],
        "splits": [_split(split) for split in subject.splits],
        "training": {
            "optimizer": subject.training.optimizer,
            "learning_rate": subject.training.learning_rate,
            "schedule": subject.training.schedule,
            "batch_size": subject.training.batch_size,
            "epochs": subject.training.epochs,
            "iterations": subject.training.iterations,
            **subject.training.settings,
        },
        "notes": list(subject.notes),
        "facts": dict(subject.facts),
    }
    if isinstance(network, Network):
        facts |= {
            "parameters": network.parameters,
            "trainable_parameters": network.trainable_parameters,
            "layers": len(network.layers),
            "backend": network.backend,
        }
    return Facts(facts, any(i.kind == "image" for i in inputs))


def _split(split: Split) -> dict[str, Any]:
    """`rows`: number of rows in memory. `population`: total number of rows (None: unknown)."""
    population = split.population if split.sampled else split.rows
    known = {"name": split.name, "rows": split.rows, "population": population}
    return known | {"seen": split.seen.value, "origin": split.origin}


def _output(output: Output) -> dict[str, Any]:
    return {
        "name": output.name,
        "task": output.task.value,
        "loss": output.loss,
        "from_logits": output.from_logits,
        "target_error": output.target_error,
        "classes": output.classes,
        "class_names": list(output.class_names),
    }
