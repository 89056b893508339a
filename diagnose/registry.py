"""How a function becomes a check.

The parameters of a check are its needs: `def dead_units(forward: Forward)` runs only where the
forward pass was measured, and sees nothing else. `X | None` is optional: the check gets None.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from inspect import getdoc, signature
from types import NoneType
from typing import Any, get_args, get_type_hints

from diagnose.findings import Crashed, Examined, Finding, Outcome, Skipped, Where
from diagnose.measurements import History, NotMeasured, Unavailable

HEADINGS = ("What it measures", "Why it matters", "How it is decided", "Known limits", "References")


@dataclass(frozen=True, eq=False)
class Check:
    """A pure function from measurements to findings, with its documentation.

    `needs` maps parameter names to measurement types, `optional` names those that may be missing.
    `origins` limits which histories it accepts.
    """

    code: str
    title: str
    family: str
    needs: Mapping[str, type]
    optional: frozenset[str]
    origins: frozenset[str]
    explanation: str
    examine: Callable[..., Iterator[Finding]]

    def run(self, measurements: Mapping[type, object]) -> Outcome:
        """Examine; whatever goes wrong costs this check only."""
        start = time.perf_counter()
        findings: list[Finding] = []
        outcome: Outcome
        try:
            for finding in self.examine(**self._inputs(measurements)):
                findings.append(self._signed(finding, findings))
            outcome = Examined(self.code, tuple(findings))
        except NotMeasured as missing:
            outcome = Examined(self.code, tuple(findings)) if findings else Skipped(self.code, str(missing))
        except Exception as error:  # noqa: BLE001 - one broken check must not cost the rest
            outcome = Crashed(self.code, f"{type(error).__name__}: {error}")
        return replace(outcome, seconds=time.perf_counter() - start)

    def _inputs(self, measurements: Mapping[type, object]) -> dict[str, object]:
        inputs: dict[str, object] = {}
        for name, kind in self.needs.items():
            value = measurements.get(kind, Unavailable(f"{kind.__name__} was not measured"))
            if isinstance(value, History) and value.origin not in self.origins:
                value = Unavailable(f"it does not read a {value.origin} history")
            if isinstance(value, Unavailable):
                if name not in self.optional:
                    raise NotMeasured(value.reason)
                value = None
            inputs[name] = value
        return inputs

    def _signed(self, finding: Finding, earlier: list[Finding]) -> Finding:
        place = "/".join(part for part in _parts(finding.where) if part)
        fingerprint = hashlib.sha256(f"{self.code}|{place}".encode()).hexdigest()[:12]
        return replace(
            finding,
            code=self.code,
            check=self.code,
            id=f"{self.code}-{len(earlier) + 1}",
            fingerprint=fingerprint,
        )


def _parts(where: Where) -> tuple[str | None, ...]:
    return (where.output, where.layer, where.split, where.feature, where.label)


def check(
    title: str, family: str, origins: tuple[str, ...] = ("live", "recorded", "replay")
) -> Callable[[Callable[..., Iterator[Finding]]], Check]:
    """Turn a generator of findings into a `Check`, named after the function."""

    def wrap(examine: Callable[..., Iterator[Finding]]) -> Check:
        hints: dict[str, Any] = get_type_hints(examine)
        needs, optional = {}, set()
        for name in signature(examine).parameters:
            kinds = [kind for kind in get_args(hints[name]) or (hints[name],) if kind is not NoneType]
            if len(kinds) != 1:
                raise TypeError(f"{examine.__name__}: parameter {name} must be one measurement, or it and None")
            needs[name] = kinds[0]
            if NoneType in get_args(hints[name]):
                optional.add(name)
        return Check(
            code=examine.__name__.replace("_", "-"),
            title=title,
            family=family,
            needs=needs,
            optional=frozenset(optional),
            origins=frozenset(origins),
            explanation=getdoc(examine) or "",
            examine=examine,
        )

    return wrap


def sections(explanation: str) -> dict[str, str]:
    """The documentation of a check by heading; the text before the first heading under ""."""
    parts = re.split(r"^## (.+)$", explanation, flags=re.MULTILINE)
    return {"": parts[0].strip()} | {h.strip(): t.strip() for h, t in zip(parts[1::2], parts[2::2], strict=True)}
