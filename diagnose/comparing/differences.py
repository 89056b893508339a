"""Differences between two examinations besides their results: in model and training, and in the examination itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from diagnose.diagnosis import Diagnosis

MODEL = {"name": "name", "parameters": "parameters", "layers": "layers"}
TRAINING = ("optimizer", "learning_rate", "schedule", "batch_size", "epochs", "iterations")
EXAMINATION = {
    "seed": "another seed samples other rows and initial weights",
    "effort": "they checked for different causes",
    "rows": "the errors may come from other rows",
    "only": "they checked for different causes",
    "skip": "they checked for different causes",
}
VERSIONS = ("keras", "tensorflow", "jax", "torch")


@dataclass(frozen=True)
class Difference:
    """A difference between two examinations besides their results. `why`: its effect on the comparison."""

    what: str
    old: Any
    new: Any
    why: str = ""


def changed(old: Diagnosis, new: Diagnosis) -> Iterator[Difference]:
    """Changes to the model and its training."""
    yield from _differing(MODEL, old.subject, new.subject)
    before, after = _mapping(old.subject.get("training")), _mapping(new.subject.get("training"))
    yield from _differing({key: key.replace("_", " ") for key in TRAINING}, before, after)
    outputs = _outputs(old), _outputs(new)
    for name in dict.fromkeys((*outputs[0], *outputs[1])):
        was, now = (_mapping(side.get(name)) for side in outputs)
        of = f" of {name}" if len(outputs[1]) > 1 else ""
        yield from _differing({"loss": f"loss{of}"}, was, now)


def unfair(old: Diagnosis, new: Diagnosis) -> Iterator[Difference]:
    """Differences that make the numbers hard to compare: other rows, another task, other settings."""
    before, after = _outputs(old), _outputs(new)
    if before and after and list(before) != list(after):
        yield Difference("outputs", [*before], [*after], "only outputs with the same name are compared")
    for name in (name for name in before if name in after):
        keys = {"task": "task", "classes": "classes", "target_error": "target error"}
        yield from _differing(keys, before[name], after[name], "the errors have another meaning")
    yield from _splits(old, new)
    for key, why in EXAMINATION.items():
        yield from _differing({key: key}, old.settings, new.settings, why)
    stopped = bool(old.settings.get("interrupted")), bool(new.settings.get("interrupted"))
    if any(stopped):
        yield Difference("interrupted", *stopped, "an interrupted examination is incomplete")
    if old.tool.version != new.tool.version:
        yield Difference("version", old.tool.version, new.tool.version, "checks and thresholds may differ")
    libraries = {name: name for name in VERSIONS}
    yield from _differing(libraries, old.tool.versions, new.tool.versions, "the last digits may differ")


def _differing(
    keys: Mapping[str, str], old: Mapping[str, Any], new: Mapping[str, Any], why: str = ""
) -> Iterator[Difference]:
    """One `Difference` for each key whose values differ; `keys` maps the keys to their names."""
    for key, what in keys.items():
        if old.get(key) != new.get(key):
            yield Difference(what, old.get(key), new.get(key), why)


def _splits(old: Diagnosis, new: Diagnosis) -> Iterator[Difference]:
    before, after = _by_name(old.subject.get("splits")), _by_name(new.subject.get("splits"))
    for name in dict.fromkeys((*before, *after)):
        if name not in before or name not in after:
            yield Difference(f"{name} given", name in before, name in after, f"the {name} error cannot be compared")
            continue
        rows, origin = {"rows": f"rows of {name}"}, {"origin": f"origin of {name}"}
        yield from _differing(rows, before[name], after[name], f"the {name} errors come from other rows")
        yield from _differing(origin, before[name], after[name], f"the {name} errors may come from other rows")


def _outputs(diagnosis: Diagnosis) -> dict[str, dict[str, Any]]:
    """By name; a single output has the name "", because Keras numbers its names per process."""
    named = _by_name(diagnosis.subject.get("outputs"))
    return named if len(named) > 1 else dict(zip([""], named.values(), strict=False))


def _by_name(facts: Any) -> dict[str, dict[str, Any]]:
    """A list of dictionaries by their "name"; anything else is left out."""
    known = [fact for fact in facts if isinstance(fact, dict)] if isinstance(facts, list | tuple) else []
    return {str(fact.get("name")): fact for fact in known}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
