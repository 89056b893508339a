"""Facts about the subject, as plain data."""

from __future__ import annotations

import hashlib
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
    facts["fingerprints"] = fingerprints(subject, network if isinstance(network, Network) else None)
    return Facts(facts, any(i.kind == "image" for i in inputs))


def fingerprints(subject: Subject, network: Network | None) -> dict[str, str]:
    """Short texts that are the same for the same architecture, and for the same data, whatever their names.

    Weights, the scale of the inputs and the number of training rows do not matter: they are what changes from one run
    of a model to the next.
    """
    inputs = [(part.dtype.kind, part.shape[1:]) for part in subject.train.inputs]
    outputs = [(output.task.value, output.classes) for output in subject.outputs]
    held = [split.population if split.sampled else split.rows for split in subject.splits if split.name != "train"]
    found = {"data": _digest((inputs, outputs, held))}
    if network is not None:
        places = {layer.path: place for place, layer in enumerate(network.layers)}
        layers = [
            (layer.kind, layer.activation, layer.output_shape, layer.parameters, [places.get(i) for i in layer.inbound])
            for layer in network.layers
        ]
        found["architecture"] = _digest(layers)
    return found


def _digest(described: object) -> str:
    return hashlib.sha256(repr(described).encode()).hexdigest()[:8]


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
