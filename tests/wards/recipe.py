"""Deferred calls, recipes and cases. They are plain data, so that a case has a text and a hash."""

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, fields, replace
from types import CodeType
from typing import Any

HALVES = ("tuning", "held-out")


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        return f"{self.build.__name__}({', '.join(f'{name}={_word(value)}' for name, value in self.settings)})"


def make(build: Callable[..., Any], **settings: Any) -> Make:
    """Defer a call."""
    return Make(build, tuple(settings.items()))


@dataclass(frozen=True)
class Recipe:
    """How a model is made: data, model, compile settings, training, and how it is judged.

    `data` builds a `Data`; `spoil` changes it before training, `handed` changes the rows that the examination gets.
    `model` builds the model from the data; `before` changes it before it is compiled, `after` changes the trained
    weights. `loss` is one for all outputs or a tuple with one for each; if it is None, each output gets the usual loss
    of its task. `compiling` and `fitting` are further arguments of `compile` and `fit`, as `make(dict, ...)`.

    `measures` build a `Measure` each; without them there is one per output, by its task. `baseline` maps the data to
    predictions for the dev rows, as the model would return them; without it, scikit-learn's usual models are used.
    """

    data: Make
    model: Make
    optimizer: Make
    loss: str | Make | tuple[str | Make, ...] | None = None
    epochs: int = 20
    batch_size: int = 32
    spoil: tuple[Make, ...] = ()
    before: tuple[Make, ...] = ()
    after: tuple[Make, ...] = ()
    handed: tuple[Make, ...] = ()
    _: KW_ONLY  # what follows is part of the text only where it is set, so that a new field moves no cached training
    compiling: Make | None = None
    fitting: Make | None = None
    measures: tuple[Make, ...] = ()
    baseline: Make | None = None

    @property
    def text(self) -> str:
        """All settings and the source of all functions of this package that they use: a key for the training."""
        shown = {f.name: getattr(self, f.name) for f in fields(self) if not f.kw_only or getattr(self, f.name)}
        lines = [f"{name}: {_text(value)}" for name, value in shown.items()]
        return "\n".join(lines + sorted(_sources(shown.values())))


@dataclass(frozen=True)
class Case:
    """One case of a ward.

    Args:
        answers: every cause code that is a right first answer; empty for a healthy case.
        reference: the recipe without the fault; None for a healthy case, which is judged by baselines.
        hard: the fault breaks the loss contract or finiteness, so no harm in the score is required.
        optimistic: the fault makes the dev score too good, so the reference must score less.
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
    optimistic: bool = False

    @property
    def sick(self) -> bool:
        return bool(self.answers)


def sick(
    name: str, family: str, reference: Recipe, answers: set[str], *, hard: bool = False, quick: bool = False,
    target_error: float | None = None, optimistic: bool = False, **fault: Any,
) -> Case:  # fmt: skip
    """A case with one planted fault: the reference recipe with the fields in `fault` replaced."""
    recipe = replace(reference, **fault)
    return Case(name, family, recipe, frozenset(answers), reference, hard, quick, target_error, optimistic=optimistic)


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


def _word(value: Any) -> str:
    return str(value.__qualname__) if inspect.isroutine(value) or inspect.isclass(value) else str(value)


def _builds(values: Iterable[Any]) -> Iterator[Any]:
    """The functions and classes among the values, and among the settings of their deferred calls."""
    for value in values:
        if isinstance(value, Make):
            yield value.build
            yield from _builds(setting for _, setting in value.settings)
        elif isinstance(value, tuple):
            yield from _builds(value)
        elif inspect.isfunction(value) or inspect.isclass(value):
            yield value


def _sources(values: Iterable[Any]) -> set[str]:
    """The source of the functions and classes of this package that the values use, directly or indirectly.

    Constants of modules are not followed: pass them as settings.
    """
    todo = list(_builds(values))
    found: dict[tuple[str, str], str] = {}
    while todo:
        thing = todo.pop()
        home = getattr(thing, "__module__", "") or ""
        if not home.startswith(__package__) or (home, thing.__qualname__) in found:
            continue
        found[home, thing.__qualname__] = inspect.getsource(thing)
        todo += _used(thing, vars(sys.modules[home]))
    return set(found.values())


def _used(thing: Any, names: dict[str, Any]) -> list[Any]:
    """The functions and classes that a function, or the methods of a class, refer to, by name or as `module.name`; and
    what a class inherits from.
    """
    members = list(vars(thing).values()) if inspect.isclass(thing) else [thing]
    spoken = {name for member in members if inspect.isfunction(member) for name in _names(member.__code__)}
    direct = [names[name] for name in spoken if name in names]
    modules = [part for part in direct if inspect.ismodule(part) and part.__name__.startswith(__package__)]
    direct += [getattr(module, name) for module in modules for name in spoken if hasattr(module, name)]
    direct += thing.__bases__ if inspect.isclass(thing) else ()
    return [part for part in direct if inspect.isfunction(part) or inspect.isclass(part)]


def _names(code: CodeType) -> set[str]:
    """The names in a function and in the functions inside it."""
    inner = [part for part in code.co_consts if isinstance(part, CodeType)]
    return set(code.co_names).union(*(_names(part) for part in inner))
