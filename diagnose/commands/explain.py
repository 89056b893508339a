"""`diagnose list` and `diagnose explain CODE`: the codes, the terms and their explanations, as in the report."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from diagnose.errors import InputError

if TYPE_CHECKING:
    from diagnose.reasoning.causes import DeclaredCause
    from diagnose.reasoning.remedies import DeclaredRemedy
    from diagnose.registry import Check

# What people write instead of the words of the codes, a word or a part of a code each.
SHORT = {
    "lr": "learning-rate",
    "bn": "statistics",
    "batchnorm": "statistics",
    "overfitting": "high-variance",
    "overfit": "high-variance",
    "underfitting": "high-bias",
    "underfit": "high-bias",
    "regularisation": "regularization",
    "imbalance": "class-imbalance",
    "nan": "non-finite",
    "val": "dev",
    "validation": "dev",
}


NEAR = 4  # codes that are offered for a part of them


@click.command("list")
def list_codes() -> None:
    """List all codes of checks, causes and remedies, and the terms of the glossary, in groups."""
    for title, lines in groups():
        click.echo(f"{title}\n" + "".join(f"  {code:28} {about}\n" for code, about in lines))


@click.command()
@click.argument("code", nargs=-1, required=True)
def explain(code: tuple[str, ...]) -> None:
    """Explain a check, a cause, a remedy or a term of the report, such as skill."""
    click.echo(explanation(" ".join(code)))


def groups() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Codes with their titles: checks by family, diseases, directions, remedies; then the terms of the glossary."""
    from diagnose.reports.terms import FIELD, GLOSSARY

    checks, causes, remedies = _declared()
    for family in dict.fromkeys(check.family for check in checks):
        yield f"Checks: {family}", [(check.code, check.title) for check in checks if check.family == family]
    for kind in dict.fromkeys(cause.kind for cause in causes):
        yield f"Causes: {kind}s", [(cause.code, cause.title) for cause in causes if cause.kind == kind]
    yield "Remedies", [(remedy.code, remedy.title) for remedy in remedies]
    terms = sorted({**GLOSSARY, **FIELD}.items(), key=lambda term: term[0].lower())
    yield "Terms", [(name, meaning.split(". ")[0].rstrip(".")) for name, meaning in terms]


def explanation(code: str) -> str:
    """The explanation of a code or a term; a check, a cause, a remedy and a term may share one.

    Raises:
        InputError: the code is unknown; the message names the closest one.
    """
    meant = "-".join(SHORT.get(word, word) for word in re.split(r"[\s_-]+", code.lower()))
    found = _explained(code) or _explained(meant)
    known = dict.fromkeys(name for _, lines in groups() for name, _ in lines)
    near = [name for name in known if _stems(meant) <= _stems(name)][:NEAR]
    if not found and len(near) == 1:
        found = _explained(near[0])
    if found:
        return "\n\n".join(found)
    near = near or difflib.get_close_matches(meant, known, n=1)
    named = " or ".join(f"'{name}'" for name in near)
    hint = f"did you mean {named}?" if near else "see `diagnose list` for all codes and terms"
    raise InputError(f"CODE must be a check, a cause, a remedy or a term, got '{code}'; {hint}")


def _stems(name: str) -> set[str]:
    """The words of a code or a term, without the ending of a plural."""
    return {word.removesuffix("s") for word in re.split(r"[\s-]", name)}


def _explained(name: str) -> list[str]:
    """What checks, causes, remedies and the glossary say under this name."""
    from diagnose.reports.terms import meaning

    checks, causes, remedies = _declared()
    term = meaning(name)
    parts = [f"{term[0]}: {term[1]}"] if term is not None else []
    parts += [_check(check) for check in checks if check.code == name]
    parts += [_cause(cause) for cause in causes if cause.code == name]
    return parts + [_remedy(remedy) for remedy in remedies if remedy.code == name]


def _declared() -> tuple[tuple[Check, ...], tuple[DeclaredCause, ...], tuple[DeclaredRemedy, ...]]:
    _without_numpy()
    from diagnose.checks import CHECKS
    from diagnose.reasoning.causes import CAUSES
    from diagnose.reasoning.remedies import REMEDIES

    return CHECKS, CAUSES, REMEDIES


class _OnFirstUse(ModuleType):
    """A module that is imported when an attribute is first read."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules[self.__name__] is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def _without_numpy() -> None:
    """Delay the import of NumPy: checks use it, but explaining them does not, and it takes half of the time."""
    sys.modules.setdefault("numpy", _OnFirstUse("numpy"))


def _check(check: Check) -> str:
    return f"check {check.code}: {check.title}\n\n{check.explanation}"


def _cause(cause: DeclaredCause) -> str:
    lines = [cause.about, "", f"Kind: {cause.kind}. Role: {cause.role.value}."]
    lines.append("Supported by: " + ", ".join(check.code for check in cause.supported_by) + ".")
    if cause.explains:
        lines.append("Leads to: " + ", ".join(cause.explains) + ".")
    for goes_on, seen in ((False, "restores learning"), (True, "lowers the dev error")):
        tried = ", ".join(remedy.code for remedy in cause.confirmed_by if remedy.goes_on is goes_on)
        if tried:
            lines.append(f"Confirmed if this remedy alone {seen} in a trial: {tried}.")
    if cause.borne_out_by:
        tried = ", ".join(remedy.code for remedy in cause.borne_out_by)
        lines.append(f"Confirmed, where a check supports it, if this remedy restores learning in a trial: {tried}.")
    lines.append("Remedies: " + ", ".join(remedy.code for remedy in cause.remedies) + ".")
    return f"cause {cause.code}: {cause.title}\n\n" + "\n".join(lines)


def _remedy(remedy: DeclaredRemedy) -> str:
    sources = "; ".join(f"{source.list}, {source.item} ({source.chapter})" for source in remedy.sources)
    parts = [f"remedy {remedy.code}: {remedy.title}", remedy.why, remedy.snippet, f"Cost: {remedy.cost}."]
    parts += [f"Trial: {remedy.trial.about}"] if remedy.trial else []
    return "\n\n".join([*parts, *([f"Sources: {sources}."] if sources else [])])
