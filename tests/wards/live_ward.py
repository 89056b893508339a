"""Trains the cases of `live_cases` under the callback and counts whether and when an alarm is raised."""

import gc
import io
import time
import traceback
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.wards import scoring
from tests.wards.live_cases import LiveCase
from tests.wards.training import LEAST_HARM, SEEDS, build, data_of, trained
from tests.wards.ward import ALARMS, Rate


@dataclass(frozen=True)
class LiveResult:
    """The result of one training under the callback.

    `verdict`: sick (harm verified), harmless, healthy or broken. `alarm`: the first severity at warning or error;
    `step`: when it was raised (the last step: only by the diagnosis at the end); `steps`: number of steps.
    """

    name: str
    family: str
    fault: str
    half: str
    verdict: str
    score: float = float("nan")
    alarm: str = ""
    worst: str = ""
    code: str = ""
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    trouble: str = ""

    @property
    def live(self) -> bool:
        """Whether the alarm was raised during training."""
        return bool(self.alarm) and self.step < self.steps


def watch(case: LiveCase) -> LiveResult:
    """Train one case under the callback; an error affects only this case."""
    start = time.perf_counter()
    try:
        return _watched(case, start)
    except Exception:  # noqa: BLE001 - a case that crashes is a result
        return LiveResult(case.name, case.family, case.fault, case.half, "broken", trouble=traceback.format_exc())


def _watched(case: LiveCase, start: float) -> LiveResult:
    import keras

    import diagnose

    keras.backend.clear_session()
    gc.collect()
    keras.utils.set_random_seed(case.seed)
    rows = data_of(case.recipe)
    model, callback = build(case.recipe, rows), diagnose.DiagnosisCallback()
    with redirect_stdout(io.StringIO()):
        model.fit(
            *rows.train,
            batch_size=case.recipe.batch_size,
            epochs=case.recipe.epochs,
            validation_data=rows.dev,
            shuffle=case.shuffle,
            callbacks=[callback],
            verbose=0,
        )
    diagnosis = callback.diagnosis
    steps = int(model.optimizer.iterations)
    raised = [(n.step, str(n.severity), n.code) for n in callback.notices if str(n.severity) in ALARMS]
    raised += [(steps, str(c.severity), c.code) for c in diagnosis.causes if _counts(c)]
    first = raised[0] if raised else (0, "", "")
    return LiveResult(
        case.name,
        case.family,
        case.fault,
        case.half,
        *_verified(case, rows, model),
        alarm=first[1],
        worst=max((severity for _, severity, _ in raised), key=ALARMS.index, default=""),
        code=first[2],
        step=first[0],
        steps=steps,
        seconds=time.perf_counter() - start,
    )


def _counts(cause: Any) -> bool:
    return str(cause.severity) in ALARMS and cause.state != "refuted"


def _verified(case: LiveCase, rows: Any, model: Any) -> tuple[str, float]:
    """Verdict and dev score: whether the fault did harm, compared with the recipe without it (three seeds)."""
    predicted = np.asarray(model(rows.judged[0], training=False))
    logits = bool(getattr(model.loss, "from_logits", False))
    own = scoring.scores(scoring.usual(rows, logits), rows.judged, predicted).mean
    if case.reference is None:
        return "healthy", own
    if case.contract:
        return "sick", own
    scores = np.array([trained(case.reference, seed)[1].score for seed in SEEDS])
    harmed = scores.mean() - own >= max(LEAST_HARM, 2 * float(scores.std(ddof=1)))
    return "sick" if harmed else "harmless", own


# --- showing -------------------------------------------------------------------------------------


def live_table(results: Iterable[LiveResult]) -> str:
    """One line per training."""
    line = "{:<46} {:<8} {:<8} {:>5}  {:<8} {:<26} {:>6} of {:<6} {:>5}".format
    lines = [line("training", "half", "is", "score", "alarm", "first cause", "step", "steps", "s")]
    for r in results:
        said = "CRASH" if r.trouble else r.alarm or "-"
        lines.append(
            line(r.name, r.half, r.verdict, f"{r.score:.2f}", said, r.code, r.step or "", r.steps, f"{r.seconds:.1f}")
        )
    return "\n".join(lines)


def live_totals(results: Iterable[LiveResult]) -> str:
    """Recall over the sick trainings and false alarms over the healthy ones, for each half, for all and by fault."""
    results = list(results)
    lines: list[str] = []
    for half in ("tuning", "held-out", "all"):
        part = [r for r in results if half in (r.half, "all")]
        sick, well = [r for r in part if r.verdict == "sick"], [r for r in part if r.verdict == "healthy"]
        lines += ["", f"{half}: {len(sick)} sick, {len(well)} healthy"]
        for name, rate in {
            "sick: alarm, in training or at its end": Rate(sum(bool(r.alarm) for r in sick), len(sick)),
            "sick: alarm while it trained": Rate(sum(r.live for r in sick), len(sick)),
            "healthy: any warning or error": Rate(sum(bool(r.alarm) for r in well), len(well)),
            "healthy: any error": Rate(sum(r.worst == "error" for r in well), len(well)),
        }.items():
            lines.append(f"  {name:<42} {rate}")
    lines += [
        "",
        f"{'fault':<20} {'sick':>4} {'alarm':>6} {'in training':>12} {'median share of the training before it':>40}",
    ]
    for fault in dict.fromkeys(r.fault for r in results if r.fault):
        found = [r for r in results if r.fault == fault and r.verdict == "sick"]
        early = [r.step / r.steps for r in found if r.alarm]
        at = f"{np.median(early):.2f}" if early else "-"
        alarms, live = sum(bool(r.alarm) for r in found), sum(r.live for r in found)
        lines.append(f"{fault:<20} {len(found):>4} {alarms:>6} {live:>12} {at:>40}")
    left_out = [f"{r.name} ({r.verdict})" for r in results if r.verdict in ("harmless", "broken")]
    lines += ["", f"not counted: {', '.join(left_out) or 'none'}"]
    return "\n".join(lines + [f"\n{r.name}\n{r.trouble}" for r in results if r.trouble])
