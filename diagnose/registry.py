"""Turns a function into a check.

The parameter types of a check are the measurements it needs: `def dead_units(forward: Forward)` runs only if the
forward pass was measured. `X | None` is optional: the check gets None if X is missing.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from inspect import getdoc, signature
from types import NoneType
from typing import Any, get_args, get_type_hints

from diagnose.findings import Crashed, Examined, Finding, Link, Outcome, Severity, Skipped, Where
from diagnose.measurements import ALL_ROWS, Dataset, History, Network, NotMeasured, SplitStatistics, Unavailable
from diagnose.measurements.tasks import with_task

HEADINGS = ("What it measures", "Why it matters", "How it is decided", "Known limits", "References")

# Accepted origin of a history -> why other histories are not enough, and what to do. The first match is used.
OTHER_HISTORY = {
    "recorded": (
        "needs your own training log; a replay cannot show it",
        "Pass the training's --history FILE, or train with diagnose.DiagnosisCallback.",
    ),
    "live": (
        "needs the callback during training; a log or a replay cannot show it",
        "Train with diagnose.DiagnosisCallback.",
    ),
    "replay": (
        "needs a replay from fresh weights; a training log cannot show it",
        "Run diagnose on the saved model without --history, so that it makes a replay.",
    ),
}


@dataclass(frozen=True, eq=False)
class Check:
    """A pure function from measurements to findings, with its properties.

    `needs` maps parameter names to measurement types, `optional` names those that may be missing. `origins` are the
    accepted origins of a history. `needs_all_rows`: the check cannot judge a sample of a split. `needs_task`: it reads
    only outputs whose task is known, not those that are judged by the user's own loss. `speaks_live` is the
    lowest severity that is reported during a training; None: findings are reported at the end of the training only.
    `reading` is further reading.
    """

    code: str
    title: str
    family: str
    needs: Mapping[str, type]
    optional: frozenset[str]
    origins: frozenset[str]
    explanation: str
    examine: Callable[..., Iterator[Finding]]
    needs_all_rows: bool = False
    needs_task: bool = False
    speaks_live: Severity | None = Severity.WARNING
    reading: tuple[Link, ...] = ()

    @property
    def required(self) -> frozenset[type]:
        """The measurements without which the check is skipped."""
        return frozenset(kind for name, kind in self.needs.items() if name not in self.optional)

    def run(self, measurements: Mapping[type, object]) -> Outcome:
        """Run the check. An exception becomes a `Crashed` outcome."""
        start = time.perf_counter()
        findings: list[Finding] = []
        outcome: Outcome
        try:
            several = _several_outputs(measurements)
            for finding in self.examine(**self._inputs(measurements)):
                findings.append(self._identified(_of_output(finding) if several else finding, findings))
            outcome = Examined(self.code, tuple(findings))
        except NotMeasured as missing:
            outcome = Skipped(self.code, missing.reason, missing.how)
            if findings:
                outcome = Examined(self.code, tuple(findings))
        except Exception as error:  # noqa: BLE001 - the other checks must still run
            outcome = Crashed(self.code, f"{type(error).__name__}: {error}")
        return replace(outcome, seconds=time.perf_counter() - start)

    def _inputs(self, measurements: Mapping[type, object]) -> dict[str, object]:
        inputs: dict[str, object] = {}
        measurements = with_task(measurements) if self.needs_task else measurements
        for name, kind in self.needs.items():
            value = self._accepted(measurements.get(kind, _absent(kind)))
            if isinstance(value, Unavailable):
                if name not in self.optional:
                    raise NotMeasured(value.reason, value.how)
                value = None
            inputs[name] = value
        dataset = measurements.get(Dataset)
        if self.needs_all_rows and isinstance(dataset, Dataset):
            _refuse_samples(dataset)
        return inputs

    def _accepted(self, value: object) -> object:
        """The measurement; `Unavailable` for a history of an origin that the check does not accept."""
        if not isinstance(value, History) or value.origin in self.origins:
            return value
        return Unavailable(*next(OTHER_HISTORY[origin] for origin in OTHER_HISTORY if origin in self.origins))

    def _identified(self, finding: Finding, earlier: list[Finding]) -> Finding:
        from hashlib import sha256  # its import costs `list` and `explain` a thirtieth of their time

        place = "/".join(part for part in _parts(finding.where) if part)
        fingerprint = sha256(f"{self.code}|{place}".encode()).hexdigest()[:12]
        return replace(
            finding,
            code=self.code,
            check=self.code,
            id=f"{self.code}-{len(earlier) + 1}",
            fingerprint=fingerprint,
        )


def _several_outputs(measurements: Mapping[type, object]) -> bool:
    network = measurements.get(Network)
    return isinstance(network, Network) and len(network.heads) > 1


def _of_output(finding: Finding) -> Finding:
    """The finding with the name of its output, which checks that judge each output by itself leave to this."""
    name = finding.where.output
    if not name or re.search(rf"\b{re.escape(name)}\b", finding.message):
        return finding
    return replace(finding, message=f"for {name}, {finding.message}")


def _absent(kind: type) -> Unavailable:
    return Unavailable(f"{kind.__name__} was not measured", "Run diagnose on the saved model.")


def _refuse_samples(dataset: Dataset) -> None:
    """Require that no split is a sample.

    Raises:
        NotMeasured: a split is a sample.
    """
    for split in dataset.splits:
        if split.sampled:
            raise NotMeasured(f"needs all rows; {split.name} is a sample of {_held(split)}", ALL_ROWS)


def _held(split: SplitStatistics) -> str:
    if split.population is None:
        return f"{split.rows:,} rows"
    return f"{split.rows:,} out of {split.population:,} rows"


def _parts(where: Where) -> tuple[str | None, ...]:
    return (where.output, where.layer, where.split, where.feature, where.label)


def check(
    title: str,
    family: str,
    origins: tuple[str, ...] = ("live", "recorded", "replay"),
    *,
    needs_all_rows: bool = False,
    needs_task: bool = False,
    speaks_live: Severity | None = Severity.WARNING,
    reading: tuple[Link, ...] = (),
) -> Callable[[Callable[..., Iterator[Finding]]], Check]:
    """Turn a generator of findings into a `Check` with the name of the function; see `Check` for the arguments."""

    def wrap(examine: Callable[..., Iterator[Finding]]) -> Check:
        hints: dict[str, Any] = get_type_hints(examine)
        needs, optional = {}, set()
        for name in signature(examine).parameters:
            kinds = [kind for kind in get_args(hints[name]) or (hints[name],) if kind is not NoneType]
            if len(kinds) != 1:
                raise TypeError(f"{examine.__name__}: parameter {name} must be one measurement type, or `X | None`")
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
            needs_all_rows=needs_all_rows,
            needs_task=needs_task,
            speaks_live=speaks_live,
            reading=reading,
        )

    return wrap


def sections(explanation: str) -> dict[str, str]:
    """Return the documentation of a check by heading; the text before the first heading has the key ""."""
    parts = re.split(r"^## (.+)$", explanation, flags=re.MULTILINE)
    return {"": parts[0].strip()} | {h.strip(): t.strip() for h, t in zip(parts[1::2], parts[2::2], strict=True)}
