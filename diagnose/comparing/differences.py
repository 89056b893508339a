"""What differs between two examinations beside their result: what the owner changed, and what is unfair to compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from diagnose.diagnosis import Diagnosis

MODEL = {"name": "name", "parameters": "parameters", "layers": "layers"}
TRAINING = ("optimizer", "learning_rate", "schedule", "batch_size", "epochs", "iterations")
EXAMINATION = {
    "seed": "another seed draws other rows and trains other probes",
    "effort": "the two looked for different causes",
    "rows": "the errors may rest on other rows",
    "only": "the two looked for different causes",
    "skip": "the two looked for different causes",
}
VERSIONS = ("keras", "tensorflow", "jax", "torch")


@dataclass(frozen=True)
class Difference:
    """What differs between the two examinations beside their result. `why`: what it does to the comparison."""

    what: str
    old: Any
    new: Any
    why: str = ""


def changed(old: Diagnosis, new: Diagnosis) -> Iterator[Difference]:
    """What the owner did to model and training."""
    yield from _differing(MODEL, old.subject, new.subject)
    before, after = _mapping(old.subject.get("training")), _mapping(new.subject.get("training"))
    yield from _differing({key: key.replace("_", " ") for key in TRAINING}, before, after)
    outputs = _outputs(old), _outputs(new)
    for name in dict.fromkeys((*outputs[0], *outputs[1])):
        was, now = (_mapping(side.get(name)) for side in outputs)
        of = f" of {name}" if len(outputs[1]) > 1 else ""
        yield from _differing({"loss": f"loss{of}"}, was, now)


def unfair(old: Diagnosis, new: Diagnosis) -> Iterator[Difference]:
    """What makes the numbers hard to compare: other rows, another task, another examination."""
    before, after = _outputs(old), _outputs(new)
    if before and after and list(before) != list(after):
        yield Difference("outputs", [*before], [*after], "only outputs of one name are compared")
    for name in (name for name in before if name in after):
        keys = {"task": "task", "classes": "classes", "target_error": "target error"}
        yield from _differing(keys, before[name], after[name], "the errors mean something else")
    yield from _splits(old, new)
    for key, why in EXAMINATION.items():
        yield from _differing({key: key}, old.settings, new.settings, why)
    stopped = bool(old.settings.get("interrupted")), bool(new.settings.get("interrupted"))
    if any(stopped):
        yield Difference("interrupted", *stopped, "what an interrupted examination did not reach is not known")
    if old.tool.version != new.tool.version:
        yield Difference("version", old.tool.version, new.tool.version, "checks and thresholds may differ")
    libraries = {name: name for name in VERSIONS}
    yield from _differing(libraries, old.tool.versions, new.tool.versions, "the last digits may differ")


def _differing(
    keys: Mapping[str, str], old: Mapping[str, Any], new: Mapping[str, Any], why: str = ""
) -> Iterator[Difference]:
    """One `Difference` for each key whose values differ; `keys` maps them to what they are called."""
    for key, what in keys.items():
        if old.get(key) != new.get(key):
            yield Difference(what, old.get(key), new.get(key), why)


def _splits(old: Diagnosis, new: Diagnosis) -> Iterator[Difference]:
    before, after = _by_name(old.subject.get("splits")), _by_name(new.subject.get("splits"))
    for name in dict.fromkeys((*before, *after)):
        if name not in before or name not in after:
            yield Difference(f"{name} given", name in before, name in after, f"there is no {name} error to compare")
            continue
        rows, origin = {"rows": f"rows of {name}"}, {"origin": f"origin of {name}"}
        yield from _differing(rows, before[name], after[name], f"the {name} errors rest on other rows")
        yield from _differing(origin, before[name], after[name], f"the {name} errors may rest on other rows")


def _outputs(diagnosis: Diagnosis) -> dict[str, dict[str, Any]]:
    """By name; a single output needs none, and Keras counts its names up from model to model."""
    named = _by_name(diagnosis.subject.get("outputs"))
    return named if len(named) > 1 else dict(zip([""], named.values(), strict=False))


def _by_name(facts: Any) -> dict[str, dict[str, Any]]:
    """A list of dictionaries, each with a name, by that name; what is none is left out."""
    known = [fact for fact in facts if isinstance(fact, dict)] if isinstance(facts, list | tuple) else []
    return {str(fact.get("name")): fact for fact in known}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
