"""The words behind the codes: the same text that the report shows."""

import difflib
from collections.abc import Iterator

from diagnose.checks import CHECKS
from diagnose.errors import InputError
from diagnose.reasoning.causes import CAUSES, DeclaredCause
from diagnose.reasoning.remedies import REMEDIES, DeclaredRemedy


def every_code() -> Iterator[str]:
    """One line per check, cause and remedy: kind, code, title."""
    for kind, rows in (
        ("check", [(check.code, check.title) for check in CHECKS]),
        ("cause", [(cause.code, cause.title) for cause in CAUSES]),
        ("remedy", [(remedy.code, remedy.action) for remedy in REMEDIES]),
    ):
        for code, title in rows:
            yield f"{kind:7} {code:28} {title}"


def explanation(code: str) -> str:
    """All that is known under a code; a check, a cause and a remedy may share one.

    Raises:
        InputError: nothing has this code; the message names the nearest.
    """
    parts = [_check(code), _cause(code), _remedy(code)]
    if not any(parts):
        known = {check.code for check in CHECKS} | {c.code for c in CAUSES} | {r.code for r in REMEDIES}
        near = difflib.get_close_matches(code, sorted(known), n=1)
        hint = f"did you mean '{near[0]}'?" if near else "see `diagnose list` for all codes"
        raise InputError(f"there is no check, cause or remedy '{code}': {hint}")
    return "\n\n".join(part for part in parts if part)


def _check(code: str) -> str:
    check = next((check for check in CHECKS if check.code == code), None)
    return f"check {check.code}: {check.title}\n\n{check.explanation}" if check else ""


def _cause(code: str) -> str:
    cause = next((cause for cause in CAUSES if cause.code == code), None)
    return f"cause {cause.code}: {cause.title}\n\n{_about(cause)}" if cause else ""


def _about(cause: DeclaredCause) -> str:
    lines = [cause.about, "", f"It is a {cause.kind}; as evidence it counts as a {cause.role.value}."]
    lines.append("Supported by: " + ", ".join(check.code for check in cause.supported_by) + ".")
    if cause.explains:
        lines.append("It brings about: " + ", ".join(cause.explains) + ".")
    lines.append("Remedies: " + ", ".join(remedy.code for remedy in cause.remedies) + ".")
    return "\n".join(lines)


def _remedy(code: str) -> str:
    remedy = next((remedy for remedy in REMEDIES if remedy.code == code), None)
    return _how(remedy) if remedy else ""


def _how(remedy: DeclaredRemedy) -> str:
    sources = "; ".join(f"{source.list}, {source.item} ({source.chapter})" for source in remedy.sources)
    parts = [f"remedy {remedy.code}: {remedy.action}", remedy.why, remedy.snippet, f"Cost: {remedy.cost}."]
    return "\n\n".join([*parts, f"Sources: {sources}." if sources else ""]).strip()
