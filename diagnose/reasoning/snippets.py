"""Values for the actions and snippets of remedies: the user's own settings, and the values that were tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from diagnose.measurements import Backward, LearningRate
from diagnose.subject import BATCH_SIZE, Subject, Task
from diagnose.trials.interventions import soft_labels
from diagnose.trials.interventions.generalising import decay_for, memory_for
from diagnose.trials.interventions.head import output_activation, row_shape, usual_head
from diagnose.trials.interventions.optimizer import APART, TIMES, own_settings, smaller_batch, usual_rate
from diagnose.trials.interventions.outputs import as_compiled, balancing
from diagnose.trials.interventions.structure import normalising_layer
from diagnose.trials.plan import rate_text

OWN_CLASS = (
    "type(old.optimizer).from_config({**old.optimizer.get_config()$more})"  # for optimizers that are not Keras's own
)

USUAL_STEPS = 300  # of a training whose length is unknown
OLD = "old = model\n"  # before a snippet makes a copy of it
OLD_OF_OWN_PARTS = f"{OLD}old.compiled = False  # else Keras looks for your own loss or metric by name, in vain\n"
UNKNOWN_LENGTH = "  # epochs: as many as in your training, which is unknown here"


@dataclass(frozen=True)
class Values:
    """Values for the names with a dollar sign in actions and snippets, as Python code.

    `optimizer` and `metrics` are the user's own; `optimizer_on_schedule` has the schedule `rates`. `loss`, `units` and
    `activation` are what the task asks for. `of_output` picks, of several outputs, the one with the largest numbers,
    from predictions or targets; `y_train` and `y_dev` are its targets. `lower_rate` and `higher_rate` are `rate` where
    it is lower or higher than the user's own, else a tenth or ten times that; `own_rate` is the user's, at its peak.
    `steps` and `epochs` are the length of the user's training, `length` says if that is unknown. `validation` passes
    the dev set to a training, if there is one. `loss_of_shares` takes labels as shares of the classes, and smoothes
    them; `own_loss_of_shares` smoothes them as the user's own does. `own_parts`: the model was compiled with a loss, a
    metric or an optimizer that is not Keras's, without which `clone_model` fails.
    """

    rate: str = "0.001"
    lower_rate: str = "0.001"
    higher_rate: str = "0.001"
    batch_size: str = "32"
    adam_rate: str = "0.001"
    optimizer: str = "keras.optimizers.Adam()"
    optimizer_class: str = "Adam"
    optimizer_at_rate: str = "keras.optimizers.Adam(learning_rate=$rate)"
    metrics: str = ""
    loss: str = "mean_squared_error"
    logits_loss: str = "BinaryCrossentropy(from_logits=True)"
    from_logits: str = "False"
    units: str = "1"
    activation: str = "linear"
    estimator: str = "Regressor"
    loss_weights: str = "[1, 1]"
    decay: str = "0.01"
    memory: str = "0.99"
    own_rate: str = "0.001"
    steps: str = "2_000"
    epochs: str = "10"
    length: str = ""
    validation: str = "validation_data=(x_dev, y_dev), "
    smaller_batch: str = "8"
    normalising: str = "BatchNormalization"
    labels_as_shares: str = "# y_train, y_dev: one column per class"
    loss_of_shares: str = "keras.losses.CategoricalCrossentropy(label_smoothing=0.1)"
    own_loss_of_shares: str = "keras.losses.CategoricalCrossentropy()"
    metrics_of_shares: str = ""
    scaled_rate: str = "0.001"
    y_train: str = "y_train"
    y_dev: str = "y_dev"
    of_output: str = ""
    own_parts: bool = False

    def fill(self, text: str, tried: Mapping[str, str] | None = None) -> str:
        """`text` with its names filled in; `tried`: the values with which the remedy was tried."""
        values = {name: value for name, value in vars(self).items() if isinstance(value, str)} | dict(tried or {})
        names = {name: _as_float(name, value) for name, value in values.items()}
        at_rate = Template(names["optimizer_at_rate"])
        for which in ("rate", "lower_rate", "higher_rate"):
            names[f"optimizer_at_{which}"] = at_rate.substitute(rate=names[which])
        names["optimizer_after_scaling"] = at_rate.substitute(rate=names["scaled_rate"])
        names["optimizer_on_schedule"] = at_rate.substitute(rate="rates")
        return Template(text.replace(OLD, OLD_OF_OWN_PARTS) if self.own_parts else text).safe_substitute(names)


def _as_float(name: str, value: str) -> str:
    """A whole learning rate as a float: Keras refuses `SGD(1)`."""
    return f"{value}.0" if name.endswith("rate") and value.isdecimal() else value


def values_of(subject: Subject, measurements: Mapping[type, object]) -> Values:
    """The values for this subject; the rate is the middle of the usable range, if that was measured."""
    optimizer = getattr(subject.model, "optimizer", None)
    kind = type(getattr(optimizer, "inner_optimizer", optimizer)).__name__ if optimizer is not None else "Adam"
    swept, backward = measurements.get(LearningRate), measurements.get(Backward)
    best = swept.usable if isinstance(swept, LearningRate) else None
    rate, own = best or usual_rate(optimizer), subject.training.learning_rate
    output, train = subject.outputs[0], subject.train
    usual, of = usual_head(output, train, row_shape(subject.model)), _of_largest_numbers(subject)
    steps, size, epochs = subject.steps or USUAL_STEPS, subject.training.batch_size or BATCH_SIZE, subject.epochs
    peak, metrics = _peak(subject, steps), _metrics_text(subject.model)
    own_smoothing = soft_labels.smoothing_of(getattr(subject.model, "loss", None))
    logits = str(output_activation(subject.model) == "linear")
    return Values(
        batch_size=str(size),
        rate=rate_text(rate),
        lower_rate=rate_text(rate if own is None or rate * APART <= own else own / TIMES),
        higher_rate=rate_text(rate if own is None or rate >= own * APART else own * TIMES),
        scaled_rate=rate_text(usual_rate(optimizer)),
        optimizer=optimizer_text(optimizer),
        optimizer_class=kind,
        optimizer_at_rate=optimizer_text(optimizer, "$rate"),
        metrics=metrics,
        loss=usual.loss,
        logits_loss=f"{''.join(word.capitalize() for word in usual.loss.split('_'))}(from_logits={logits})",
        from_logits=logits,
        units=str(usual.units or output.classes or 1),
        activation=usual.activation,
        estimator="Classifier" if output.task.classifies else "Regressor",
        y_train=f"y_train{of}",
        y_dev=f"y_dev{of}",
        of_output=of,
        loss_weights=_loss_weights(subject, backward.norms_by_output if isinstance(backward, Backward) else ()),
        decay=f"{decay_for(peak, steps):g}",
        memory=f"{memory_for(steps):g}",
        own_rate=rate_text(peak),
        steps=f"{steps:_}",
        epochs=str(epochs or max(1, round(steps * size / max(1, train.rows)))),
        length="" if epochs else UNKNOWN_LENGTH,
        validation=Values.validation if subject.dev is not None else "",
        smaller_batch=str(smaller_batch(size)),
        normalising=normalising_layer(size),
        labels_as_shares=soft_labels.one_hot_text(output, train),
        loss_of_shares=soft_labels.loss_text(output, soft_labels.SMOOTHING),
        own_loss_of_shares=soft_labels.loss_text(output, own_smoothing),
        metrics_of_shares=metrics.replace("sparse_categorical", "categorical"),
        own_parts=_has_own_parts(subject.model),
    )


def _peak(subject: Subject, steps: int) -> float:
    """The highest learning rate of the user's training."""
    from diagnose.measuring.copying import peak_rate

    optimizer = getattr(subject.model, "optimizer", None)
    return peak_rate(optimizer, steps) if optimizer is not None else usual_rate(optimizer)


def _of_largest_numbers(subject: Subject) -> str:
    """The index of the numeric output whose targets spread most, as code; "" if there is one output only."""
    import numpy as np

    if len(subject.outputs) < 2:
        return ""
    each = zip(subject.outputs, subject.train.targets, strict=True)
    spread = [float(np.std(y)) if output.task is Task.REGRESSION else -1.0 for output, y in each]
    place = int(np.argmax(spread))
    loss = subject.model.loss
    return f'["{list(loss)[place]}"]' if isinstance(loss, dict) else f"[{place}]"


def _loss_weights(subject: Subject, norms: Sequence[float]) -> str:
    """Weights that balance the losses; the present ones if it is unknown which do."""
    weights = balancing(subject.outputs, norms) or tuple(output.weight for output in subject.outputs)
    given = as_compiled(subject.model, weights)
    if isinstance(given, dict):
        return "{" + ", ".join(f'"{name}": {weight:g}' for name, weight in given.items()) + "}"
    return "[" + ", ".join(f"{weight:g}" for weight in given) + "]"


def optimizer_text(optimizer: Any, rate: str = "") -> str:
    """Code that creates an optimizer of the same class and settings; `rate` replaces its learning rate."""
    if optimizer is None:
        return f"keras.optimizers.Adam({f'learning_rate={rate}' if rate else ''})"
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    kind, config = type(optimizer), optimizer.get_config()
    if not _from_keras(optimizer):
        return OWN_CLASS.replace("$more", f', "learning_rate": {rate}' if rate else "")
    settings = {key: _literal(value) for key, value in own_settings(optimizer).items()}
    settings |= {"learning_rate": rate} if rate else {"learning_rate": _literal(config["learning_rate"])}
    order = ["learning_rate", *(key for key in settings if key != "learning_rate")]
    return f"keras.optimizers.{kind.__name__}({', '.join(f'{key}={settings[key]}' for key in order)})"


def _from_keras(part: Any) -> bool:
    part = getattr(part, "inner_optimizer", part)
    made = part if hasattr(part, "__name__") else type(part)
    return (made.__module__ or "").startswith("keras.")


def _has_own_parts(model: Any) -> bool:
    import keras

    compiled = getattr(getattr(model, "_compile_config", None), "config", None) or {}
    parts = keras.tree.flatten([compiled.get(name) for name in ("optimizer", "loss", "metrics", "weighted_metrics")])
    return any(not _from_keras(part) for part in parts if part is not None and not isinstance(part, str))


def _literal(value: Any) -> str:
    """A setting as code: numbers with 6 digits, schedules as objects."""
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))  # 5 would be no rate
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        inside = ", ".join(f"{key}={_literal(own)}" for key, own in value["config"].items() if key != "name")
        return f"keras.optimizers.schedules.{value['class_name']}({inside})"
    return repr(value)


def _metrics_text(model: Any) -> str:
    """The rest of a compile call; empty unless the metrics are plain names."""
    config = getattr(getattr(model, "_compile_config", None), "config", None) or {}
    metrics = config.get("metrics")
    if not isinstance(metrics, list | tuple) or not all(isinstance(metric, str) for metric in metrics) or not metrics:
        return ""
    return f", metrics={list(metrics)!r}".replace("'", '"')
