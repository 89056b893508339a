"""A loaded model and its parts of data become a `Subject`."""

from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.parts import Part
from diagnose.loading.factories import factory_from
from diagnose.loading.failures import describe_keras_error
from diagnose.loading.fitting import fit_inputs, fit_split
from diagnose.loading.histories import read_history
from diagnose.loading.models.losses import as_keras_computes, per_output
from diagnose.loading.models.own_steps import has_call, own_loss, own_step, why_opaque
from diagnose.loading.models.restoring import LoadedModel
from diagnose.loading.options import LoadOptions
from diagnose.loading.own_losses import names_right_outputs, preference
from diagnose.loading.signatures import Signature, of_rows, packed, with_outputs
from diagnose.loading.tasks import Judgement, forced, infer_task
from diagnose.loading.text_labels import encode_text
from diagnose.measurements import History
from diagnose.subject import BATCH_SIZE, Output, Rows, Seen, Split, Subject, Task, Training

_TRIED = 32  # rows
TELLING = 8  # steps of an epoch; with fewer, any number of steps is a whole number of epochs too often


def assemble(loaded: LoadedModel, parts: dict[str, Part], options: LoadOptions, facts: dict[str, str]) -> Subject:
    """Fit the data to the model, judge each output's task, and say what was assumed.

    Raises:
        InputError: there are no training rows, or they do not fit the model.
    """
    if "train" not in parts:
        raise InputError(_no_train(parts))
    notes: list[str] = list(loaded.notes)
    parts = encode_text(_test_as_dev(parts, notes))
    own = own_step(loaded.model)
    labelled = not own or bool(parts["train"].targets)
    opaque = why_opaque(loaded.model) if own and not has_call(loaded.model) else ""
    try:
        signature, splits = _fit(loaded, parts, notes, runs=not opaque)
    except InputError:
        if not own or opaque:
            raise
        opaque = why_opaque(loaded.model)
        signature, splits = _fit(loaded, parts, notes, runs=False)
    notes += [opaque] if opaque else []
    outputs = _outputs(loaded, signature, splits["train"], parts["train"], options, runs=not opaque)
    _try_losses(loaded, signature, splits["train"])
    history = None if options.history is None else read_history(options.history, outputs)
    training = _training(loaded.training, splits["train"], history, notes)
    return Subject(
        name=loaded.name,
        model=loaded.model,
        outputs=outputs,
        train=splits["train"],
        dev=splits.get("dev"),
        test=splits.get("test"),
        train_dev=splits.get("train_dev"),
        history=history,
        training=training,
        input_names=tuple(port.name for port in signature.inputs),
        feature_names=_feature_names(parts["train"], splits["train"]),
        trained=loaded.learned,
        notes=tuple(notes),
        facts=loaded.facts | facts,
        labelled=labelled,
        factory=factory_from(options.factory, loaded.model, None if opaque else _two(loaded, splits, signature)),
        opaque=opaque,
    )


def _two(loaded: LoadedModel, splits: dict[str, Split], signature: Signature) -> Any:
    """The first two training rows as the model takes them, more where its batches have a fixed size."""
    rows = [array[: _fixed_batch(loaded.model) or 2] for array in splits["train"].inputs]
    return packed(rows, getattr(loaded.model, "_inputs_struct", None), [port.name for port in signature.inputs])


def _no_train(parts: dict[str, Part]) -> str:
    part = next(iter(parts.values()))
    found = ", ".join(parts)
    return f"{part.origin}: there are rows for {found}, but no training rows: name them train, or x_train and y_train"


def _test_as_dev(parts: dict[str, Part], notes: list[str]) -> dict[str, Part]:
    if "dev" in parts or "test" not in parts:
        return dict(parts)
    notes.append(
        "there is no dev set, so the test set is used as the dev set: figures on it are no longer an unbiased test"
    )
    return {("dev" if name == "test" else name): part for name, part in parts.items()}


def _fit(
    loaded: LoadedModel, parts: dict[str, Part], notes: list[str], runs: bool
) -> tuple[Signature, dict[str, Split]]:
    """Fit every part; the first two rows show the shapes of a subclassed model's outputs.

    If the model does not run on the rows (`runs`), they are taken as they are. Rows without targets get zeros where
    the model has its own step, which makes do without.
    """
    signature, splits = loaded.signature, {}
    if not runs or (not getattr(loaded.model, "inputs", None) and len(parts["train"].inputs) > 1):
        signature = of_rows(signature, parts["train"].inputs)
    own = own_step(loaded.model)
    parts = {name: part if part.targets or not own else _unlabelled(part, signature) for name, part in parts.items()}
    for name in sorted(parts, key=lambda split: split != "train"):
        inputs, more = fit_inputs(parts[name], signature)
        if name == "train" and runs:
            signature = with_outputs(signature, _predict_two(loaded, inputs, parts[name].origin, signature))
        seen = Seen.YES if loaded.learned and name == "train" else Seen.NO
        splits[name], further = fit_split(
            name, parts[name], inputs, signature=signature, losses=loaded.losses, seen=seen
        )
        notes += [note for note in more + further if note not in notes]
    return signature, splits


def _unlabelled(part: Part, signature: Signature) -> Part:
    """The part with a column of zeros for each output."""
    rows = len(next(iter(part.inputs.values())))
    zeros = {port.name: np.zeros((rows, 1), np.float32) for port in signature.outputs}
    return replace(part, targets=zeros)


def _outputs(
    loaded: LoadedModel, signature: Signature, train: Split, part: Part, options: LoadOptions, *, runs: bool
) -> tuple[Output, ...]:
    outputs = []
    ports = signature.outputs
    errors = dict(options.target_error)
    task = _task(options.task)
    specs = per_output(getattr(loaded.model, "loss", None), [port.name for port in ports])
    if len(ports) == 1 and specs == [None]:
        specs = [own_loss(loaded.model)]
    each = zip(ports, loaded.losses, loaded.loss_weights, train.targets, specs, strict=True)
    for port, loss, weight, targets, spec in each:
        judged = forced(task, targets, port) if task else infer_task(targets, port, loss, train.inputs)
        asked = preference(judged.task, spec, targets, port) if runs and loss.custom else None
        opposed = asked is not None and asked.opposed
        opposed = opposed and names_right_outputs(judged.task, targets, port, len(train.inputs))
        if not task and (not runs or (loss.custom and not opposed and (asked is None or not asked.fits))):
            judged = Judgement(Task.OWN_LOSS, None)
        names = part.class_names if len(part.class_names) <= (judged.classes or 0) else ()
        outputs.append(
            Output(
                name=port.name,
                task=judged.task,
                loss=loss.name,
                from_logits=loss.from_logits,
                custom_loss=loss.custom,
                opposed=(asked.right, min(asked.wrong)) if asked is not None and opposed else None,
                weight=weight,
                target_error=errors.pop(port.name, errors.pop("", None) if len(ports) == 1 else None),
                classes=judged.classes,
                class_names=names,
            )
        )
    if errors:
        known = ", ".join(port.name for port in ports)
        wrong = next(iter(errors)) or "without a name"
        raise InputError(f"--target-error must be OUTPUT=X with one of the outputs {known}, got {wrong}")
    return tuple(outputs)


def _task(name: Task | str | None) -> Task | None:
    try:
        return None if name is None else Task(name)
    except ValueError as error:
        raise InputError(f"--task must be one of {', '.join(Task)}, got {name!r}") from error


def _training(training: Training, train: Split, history: History | None, notes: list[str]) -> Training:
    """Batch size and epochs, if the user did not say them, from the number of steps and the training rows.

    The batch size is Keras's default, if the steps are then a whole number of epochs (those of the record, if there is
    one); `notes` says so.
    """
    rows = train.rows if train.whole else train.population
    if not training.iterations or rows is None:
        return training
    epochs = training.epochs or (len(history.runs[0].epochs) if history is not None else None)
    size = training.batch_size or BATCH_SIZE
    if not training.batch_size:
        steps = ceil(rows / size)
        whole, rest = divmod(training.iterations, steps)
        if rest or not whole or epochs not in (None, whole) or (epochs is None and steps < TELLING):
            return training
        training = replace(training, batch_size=size)
        notes.append(
            f"a batch size of {BATCH_SIZE} is assumed, Keras's default: the {training.iterations:,} steps of the"
            f" training are then {whole:,} whole epochs; if it was another, pass --batch-size"
        )
    return replace(training, epochs=training.epochs or max(1, round((training.iterations or 0) / ceil(rows / size))))


def _feature_names(part: Part, train: Split) -> tuple[str, ...]:
    one_table = len(train.inputs) == 1 and train.inputs[0].shape[1:] == (len(part.feature_names),)
    return part.feature_names if one_table else ()


def _predict_two(loaded: LoadedModel, inputs: tuple[Rows, ...], origin: str, signature: Signature) -> list[Any]:
    """What the model gives for two rows; if it cannot take them, the user gets one sentence now."""
    import keras

    model = loaded.model
    kept = [(variable, variable.numpy()) for variable in model.non_trainable_variables]  # seeds and states may move
    rows = [array[: _fixed_batch(model) or 2] for array in inputs]
    names = [port.name for port in signature.inputs]
    try:
        fed = packed(rows, getattr(model, "_inputs_struct", None), names)
        predictions: list[Any] = keras.tree.flatten(model(fed, training=False))
    except Exception as error:
        raise InputError(f"{origin}: the model cannot take these rows ({describe_keras_error(error)})") from error
    finally:
        for variable, value in kept:
            variable.assign(value)
    if len(predictions) != len(signature.outputs):
        raise InputError(f"the model returns {len(predictions)} arrays, but has {len(signature.outputs)} outputs")
    return predictions


def _fixed_batch(model: Any) -> int | None:
    sizes = [tensor.shape[0] for tensor in getattr(model, "inputs", None) or []]
    return int(sizes[0]) if sizes and sizes[0] else None


def _try_losses(loaded: LoadedModel, signature: Signature, train: Split) -> None:
    """Call custom losses on a few targets: a loss that fails on them cannot have been used in training."""
    specs = per_output(getattr(loaded.model, "loss", None), [port.name for port in signature.outputs])
    for port, words, loss, targets in zip(signature.outputs, loaded.losses, specs, train.targets, strict=True):
        if not words.custom or not callable(loss) or port.shape is None or None in port.shape:
            continue
        some = targets[:_TRIED]
        try:
            as_keras_computes(loss)(some, np.full((len(some), *port.shape), 0.5))
        except Exception as error:
            raise InputError(
                f'{train.origin}: the loss {words.name} of "{port.name}" cannot compare targets of shape '
                f"{targets.shape[1:]} with outputs of shape {port.shape} ({describe_keras_error(error)})"
            ) from error
