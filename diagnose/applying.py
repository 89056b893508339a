"""Applies remedies: trains the repaired model with the very code that the report shows, and writes that code down."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diagnose.diagnosis import Diagnosis, Remedy
from diagnose.errors import InputError
from diagnose.loading.signatures import packed
from diagnose.measuring.copying import brief, preserved_weights
from diagnose.reasoning.remedies import REMEDIES
from diagnose.subject import BATCH_SIZE, Split, Subject

ROWS = "rows"  # what fit trains on


@dataclass(frozen=True)
class Better:
    """A repaired model after its training, its `history` ({}: no remedy trains), and the script that makes both from a
    model and rows.
    """

    model: Any
    history: dict[str, list[float]]
    script: str


def chosen_remedies(diagnosis: Diagnosis, codes: Sequence[str]) -> tuple[Remedy, ...]:
    """The remedies of a diagnosis with these codes, in this order.

    Raises:
        InputError: a code is not a remedy of this model, or nobody but the user can carry it out.
    """
    known = {remedy.code: remedy for remedy in diagnosis.remedies}
    changes = {remedy.code for remedy in REMEDIES if remedy.automated and not remedy.own_code}
    possible = [code for code in known if code in changes]
    for code in codes:
        if code not in possible:
            offered = ", ".join(possible) or "none for this model"
            why = "cannot be carried out by a program" if code in known else "is not a remedy of this model"
            raise InputError(f"--apply: {code} {why}; possible: {offered}")
    return tuple(known[code] for code in codes)


def apply(subject: Subject, diagnosis: Diagnosis, codes: Sequence[str], seed: int) -> Better:
    """Apply remedies to the subject's model, one after the other, and train it as the user did.

    Args:
        subject: its model is used up.
        diagnosis: of this subject.
        codes: of the remedies.
        seed: of the training.

    Raises:
        InputError: a remedy or the training cannot be carried out here.
    """
    remedies = chosen_remedies(diagnosis, codes)
    if subject.epochs is None:
        raise InputError("--apply trains as long as you did, and that is unknown: pass --epochs")
    script = script_of(remedies, subject.epochs, subject.training.batch_size or BATCH_SIZE, seed)
    if subject.dev is None:
        raise InputError("--apply needs a dev set to show what the change brings: pass --dev")
    if subject.train.sampled:
        raise InputError("--apply trains on all rows, but only a part was loaded: pass --rows all")
    kept = preserved_weights(subject.model)[1]
    if kept and "clone_model" in script:
        raise InputError(
            f"--apply trains from fresh weights, which would lose the pretrained ones of {kept[0]}: paste the snippet "
            "of the report, and set the weights of these layers before training"
        )
    names: dict[str, Any] = {}
    exec(compile(script, "better.py", "exec"), names)  # our own snippets, nothing of the user's
    rows = [part for split in (subject.train, subject.dev) for part in _rows(subject, split)]
    try:
        model, history = names["better"](subject.model, *rows)
    except Exception as error:
        raise InputError(f"--apply {','.join(codes)} failed for this model: {brief(error)}") from error
    return Better(model, {key: [float(value) for value in values] for key, values in history.items()}, script)


def script_of(remedies: Sequence[Remedy], epochs: int, batch_size: int, seed: int) -> str:
    """The script: a function `better` of plain Keras that takes the model and its rows."""
    snippets = [remedy.snippet for remedy in remedies]
    imports = sorted({"import keras", *(line for snippet in snippets for line in snippet.splitlines() if _loads(line))})
    steps = [f"# {remedy.action}\n{_changes(remedy.snippet)}" for remedy in remedies]
    usual = {"validation_data": "(x_dev, y_dev)", "epochs": str(epochs), "batch_size": str(batch_size)}
    arguments = {ROWS: "x_train, y_train"} | usual
    arguments |= _own(snippets, arguments)
    rows = arguments.pop(ROWS)
    passed = ", ".join(f"{name}={value}" for name, value in arguments.items())
    fit = f"history = model.fit(\n    {rows}, {passed}, verbose=0\n)"
    trains = any(_trains(line) for snippet in snippets for line in snippet.splitlines())
    end = [fit, "return model, history.history"] if trains else ["return model, {}  # nothing was trained"]
    body = "\n\n".join([*steps, *end])
    title = textwrap.fill("; ".join(remedy.action for remedy in remedies) + ".", 116)
    use = "Call `better(model, x_train, y_train, x_dev, y_dev)`; it returns the new model and its history."
    head = [f'"""{title}', "", use, '"""', "", *imports, "", "", "def better(model, x_train, y_train, x_dev, y_dev):"]
    inside = textwrap.indent(f"keras.utils.set_random_seed({seed})\n{body}", "    ")
    return "\n".join([*head, inside]) + "\n"


def _loads(line: str) -> bool:
    return line.startswith(("import ", "from "))


def _trains(line: str) -> bool:
    return line.startswith("model.fit(")


def _changes(snippet: str) -> str:
    """What a snippet changes: without its imports and its training, which the script has once for all snippets."""
    return "\n".join(line for line in snippet.splitlines() if not _loads(line) and not _trains(line)).strip()


def _own(snippets: Sequence[str], usual: Mapping[str, str]) -> dict[str, str]:
    """The arguments that the snippets give to fit in place of the usual ones, or beside them; callbacks of all."""
    own: dict[str, str] = {}
    for line in (line for snippet in snippets for line in snippet.splitlines() if _trains(line)):
        for name, value in _arguments(line).items():
            if name == "callbacks" and name in own:
                own[name] = f"{own[name]} + {value}"
            elif value != usual.get(name):
                own[name] = value
    return own


def _arguments(call: str) -> dict[str, str]:
    """The arguments of a call by name, as code; those without a name, which are the rows, as `ROWS`."""
    called = ast.parse(call, mode="eval").body
    assert isinstance(called, ast.Call), call
    named = {keyword.arg: ast.unparse(keyword.value) for keyword in called.keywords if keyword.arg}
    return {ROWS: ", ".join(map(ast.unparse, called.args))} | named


def _rows(subject: Subject, split: Split) -> tuple[Any, Any]:
    """The inputs and the targets of a split in the structure of the model."""
    model = subject.model
    inputs = packed(list(split.inputs), getattr(model, "_inputs_struct", None), subject.input_names)
    return inputs, packed(list(split.targets), getattr(model, "_outputs_struct", None), ())
