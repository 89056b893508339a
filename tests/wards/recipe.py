"""Deferred calls, recipes and cases. They are plain data, so that a case has a text and a hash."""

import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

HALVES = ("tuning", "held-out")


@dataclass(frozen=True)
class Make:
    """A deferred call: builds a new object each time, and describes it as text."""

    build: Callable[..., Any]
    settings: tuple[tuple[str, Any], ...] = ()

    def __call__(self, *subjects: Any) -> Any:
        """Build it; settings that are deferred calls are built first."""
        built = {name: value() if isinstance(value, Make) else value for name, value in self.settings}
        return self.build(*subjects, **built)

    def but(self, **changes: Any) -> "Make":
        """The same call with other settings."""
        return make(self.build, **(dict(self.settings) | changes))

    def __str__(self) -> str:
        return f"{self.build.__name__}({', '.join(f'{name}={value}' for name, value in self.settings)})"


def make(build: Callable[..., Any], **settings: Any) -> Make:
    """Defer a call."""
    return Make(build, tuple(settings.items()))


@dataclass(frozen=True)
class Recipe:
    """How a model is made: data, model, compile settings, training.

    `data` builds a `Data`; `spoil` changes it before training, `handed` changes the rows that the examination gets.
    `model` builds the model from the data; `before` changes it before it is compiled, `after` changes the trained
    weights. If `loss` is None, each output gets the usual loss of its task.
    """

    data: Make
    model: Make
    optimizer: Make
    loss: str | Make | None = None
    epochs: int = 20
    batch_size: int = 32
    spoil: tuple[Make, ...] = ()
    before: tuple[Make, ...] = ()
    after: tuple[Make, ...] = ()
    handed: tuple[Make, ...] = ()

    @property
    def text(self) -> str:
        """All settings and the source of all functions of this package that they use: a key for the training."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        lines = [f"{name}: {_text(value)}" for name, value in fields.items()]
        return "\n".join(lines + sorted(_sources(_makes(fields.values()))))


@dataclass(frozen=True)
class Case:
    """One case of a ward.

    Args:
        answers: every cause code that is a right first answer; empty for a healthy case.
        reference: the recipe without the fault; None for a healthy case, which is judged by baselines.
        hard: the fault breaks the loss contract or finiteness, so no harm in the score is required.
        quick: part of `--quick`.
        half: "tuning" (thresholds may be chosen on it) or "held-out" (figures come from it).
    """

    name: str
    family: str
    recipe: Recipe
    answers: frozenset[str] = frozenset()
    reference: Recipe | None = None
    hard: bool = False
    quick: bool = False
    target_error: float | None = None
    half: str = HALVES[0]

    @property
    def sick(self) -> bool:
        return bool(self.answers)


def sick(
    name: str, family: str, reference: Recipe, answers: set[str], *, hard: bool = False, quick: bool = False,
    target_error: float | None = None, **fault: Any,
) -> Case:  # fmt: skip
    """A case with one planted fault: the reference recipe with the fields in `fault` replaced."""
    recipe = replace(reference, **fault)
    return Case(name, family, recipe, frozenset(answers), reference, hard, quick, target_error)


def healthy(name: str, family: str, recipe: Recipe, *, quick: bool = False, **changes: Any) -> Case:
    """A healthy case; `changes` replace fields of the recipe."""
    return Case(name, family, replace(recipe, **changes), quick=quick)


def in_halves(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Assign the halves: the cases of a family alternate, and a hash of the family decides the first.

    So both halves have every family of two or more, and appending a case moves no other.
    """
    seen: dict[str, int] = {}
    assigned = []
    for case in cases:
        start = hashlib.sha256(case.family.encode()).digest()[0]
        position = seen[case.family] = seen.get(case.family, -1) + 1
        assigned.append(replace(case, half=HALVES[(start + position) % 2]))
    return tuple(assigned)


def _text(value: Any) -> str:
    return ", ".join(str(part) for part in value) if isinstance(value, tuple) else str(value)


def _makes(values: Iterable[Any]) -> Iterator[Make]:
    for value in values:
        if isinstance(value, Make):
            yield value
            yield from _makes(setting for _, setting in value.settings)
        elif isinstance(value, tuple):
            yield from _makes(value)


def _sources(makes: Iterable[Make]) -> set[str]:
    """The source of the functions of this package that these calls use, directly or indirectly."""
    todo: list[Any] = [deferred.build for deferred in makes]
    found: dict[str, str] = {}
    while todo:
        thing = todo.pop()
        home = getattr(thing, "__module__", "") or ""
        if not home.startswith(__package__) or thing.__qualname__ in found:
            continue
        found[thing.__qualname__] = inspect.getsource(thing)
        if inspect.isfunction(thing):
            called = (thing.__globals__.get(name) for name in thing.__code__.co_names)
            todo += [part for part in called if inspect.isfunction(part) or inspect.isclass(part)]
    return set(found.values())
