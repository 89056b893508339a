"""What is known of the subject, as plain data, and what snippets are filled in with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from diagnose.measurements import Dataset, LearningRate, Network
from diagnose.subject import Output, Split, Subject, Task


@dataclass(frozen=True)
class Values:
    """What snippets are filled in with; see `Template` names in `remedies`."""

    rate: float = 1e-3
    optimizer: str = "Adam"
    loss: str = "mse"
    classes: int = 1

    def fill(self, text: str) -> str:
        names = {"rate": f"{self.rate:.1g}", "optimizer": self.optimizer, "loss": self.loss, "classes": self.classes}
        names["estimator"] = "Regressor" if self.loss in ("mse", "mean_squared_error") else "Classifier"
        return Template(text).safe_substitute(names)


@dataclass(frozen=True)
class Facts:
    """What reports and snippets need to know of the subject. `images`: some input is an image."""

    subject: dict[str, Any]
    images: bool
    values: Values


def describe(subject: Subject, measurements: Mapping[type, object]) -> Facts:
    """The facts of the subject as plain data, and what snippets are filled in with."""
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
    return Facts(facts, any(i.kind == "image" for i in inputs), _values(subject, measurements))


def _split(split: Split) -> dict[str, Any]:
    """`rows` are held, `population` is the number that there are (None: unknown)."""
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


_LOSSES = {
    Task.BINARY: "binary_crossentropy",
    Task.MULTICLASS: "sparse_categorical_crossentropy",
    Task.MULTILABEL: "binary_crossentropy",
    Task.REGRESSION: "mean_squared_error",
}
_OPTIMIZERS = {"sgd": ("SGD", 1e-2), "adam": ("Adam", 1e-3), "rmsprop": ("RMSprop", 1e-3), "adamw": ("AdamW", 1e-3)}


def _values(subject: Subject, measurements: Mapping[type, object]) -> Values:
    name, usual = _OPTIMIZERS.get(subject.training.optimizer or "", ("Adam", 1e-3))
    rate = measurements.get(LearningRate)
    best = rate.best if isinstance(rate, LearningRate) else None
    output = subject.outputs[0]
    loss = _LOSSES[output.task]
    if output.task is Task.MULTICLASS and subject.train.targets[0].ndim > 1 and subject.train.targets[0].shape[-1] > 1:
        loss = "categorical_crossentropy"
    return Values(rate=best or usual, optimizer=name, loss=loss, classes=output.classes or 1)
