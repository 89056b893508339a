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
from tests.wards.examples.example import Example
from tests.wards.live_cases import LiveCase
from tests.wards.training import LEAST_HARM, SEEDS, build, data_of, fed, measures_of, predict, trained
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
    taken_back: bool = False  # whether a notice was
    right: bool | None = None  # whether a right cause is the first of the diagnosis; None: unknown what is right

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
    x, y, weights = (*rows.train, None)[:3]
    settings = {"shuffle": case.shuffle, "sample_weight": weights}
    settings |= {} if case.recipe.fitting is None else case.recipe.fitting()
    dev = None if rows.dev is None else tuple(fed(part) for part in rows.dev)
    with redirect_stdout(io.StringIO()):
        model.fit(
            fed(x),
            fed(y),
            batch_size=case.recipe.batch_size,
            epochs=case.recipe.epochs,
            validation_data=dev,
            callbacks=[callback],
            verbose=0,
            **settings,
        )
    diagnosis = callback.diagnosis
    steps = int(model.optimizer.iterations)
    standing = [notice for notice in callback.notices if notice.taken_back is None]
    raised = [(n.step, str(n.severity), n.code) for n in standing if str(n.severity) in ALARMS]
    first_cause = next((cause.code for cause in diagnosis.causes if cause.state != "refuted"), "")
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
        taken_back=len(standing) < len(callback.notices),
        right=first_cause in case.answers if case.answers else None,
    )


def watch_example(example: Example, seed: int = 0) -> LiveResult:
    """Train an example under the callback; one that did not go as it was meant to is `harmless` and not counted."""
    import keras

    import diagnose

    start = time.perf_counter()
    keras.backend.clear_session()
    gc.collect()
    keras.utils.set_random_seed(seed)
    callback = diagnose.DiagnosisCallback()
    name = f"{example.name}-{seed}"
    try:
        with redirect_stdout(io.StringIO()):
            _, logs = example.train([callback])
        diagnosis = callback.diagnosis
    except Exception:  # noqa: BLE001 - a case that crashes is a result
        return LiveResult(name, example.kind, example.fault, "held-out", "broken", trouble=traceback.format_exc())
    standing = [notice for notice in callback.notices if notice.taken_back is None]
    raised = [(n.step, str(n.severity), n.code) for n in standing if str(n.severity) in ALARMS]
    steps = max((notice.step for notice in standing), default=0) + 1
    raised += [(steps, str(cause.severity), cause.code) for cause in diagnosis.causes if _counts(cause)]
    first = raised[0] if raised else (0, "", "")
    verdict = example.verdict if example.good(logs) != bool(example.fault) else "harmless"
    first_cause = next((cause.code for cause in diagnosis.causes if cause.state != "refuted"), "")
    return LiveResult(
        name,
        example.kind,
        example.fault,
        "held-out",
        verdict,
        alarm=first[1],
        worst=max((severity for _, severity, _ in raised), key=ALARMS.index, default=""),
        code=first[2] or ("" if example.fault or diagnosis.state in example.states else f"state {diagnosis.state}"),
        step=first[0],
        steps=steps,
        seconds=time.perf_counter() - start,
        taken_back=len(standing) < len(callback.notices),
        right=first_cause in example.answers if example.answers else None,
    )


def _counts(cause: Any) -> bool:
    return str(cause.severity) in ALARMS and cause.state != "refuted"


def _verified(case: LiveCase, rows: Any, model: Any) -> tuple[str, float]:
    """Verdict and dev score: whether the fault did harm, compared with the recipe without it (three seeds)."""
    logits = bool(getattr(model.loss, "from_logits", False))
    measures = measures_of(case.recipe, rows, logits)
    own = scoring.scores(measures, rows.judged, predict(model, rows.judged[0])).mean
    if case.reference is None:
        return "healthy", own
    if case.contract:
        return "sick", own
    scores = np.array([trained(case.reference, seed)[1].score for seed in SEEDS])
    harm = (own - scores.mean()) if case.optimistic else (scores.mean() - own)
    harmed = harm >= max(LEAST_HARM, 2 * float(scores.std(ddof=1)))
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


def _counted(results: list[LiveResult], verdict: str) -> int:
    return sum(r.verdict == verdict for r in results)


SHORT = {
    "sick: alarm": "sick: alarm, in training or at its end",
    "right cause first": "sick: a right cause first",
    "healthy: warned": "healthy: any warning or error",
    "taken back": "healthy: a notice taken back",
}


def _rates(results: list[LiveResult]) -> dict[str, Rate]:
    """How often an alarm was raised, and rightly."""
    sick, well = ([r for r in results if r.verdict == verdict] for verdict in ("sick", "healthy"))
    known = [r for r in sick if r.right is not None]
    return {
        "sick: alarm, in training or at its end": Rate(sum(bool(r.alarm) for r in sick), len(sick)),
        "sick: alarm while it trained": Rate(sum(r.live for r in sick), len(sick)),
        "sick: a right cause first": Rate(sum(bool(r.right) for r in known), len(known)),
        "healthy: any warning or error": Rate(sum(bool(r.alarm) for r in well), len(well)),
        "healthy: any error": Rate(sum(r.worst == "error" for r in well), len(well)),
        "healthy: a notice taken back": Rate(sum(r.taken_back for r in well), len(well)),
    }


def live_totals(results: Iterable[LiveResult]) -> str:
    """Recall over the sick trainings and false alarms over the healthy ones: each half, all, by family and by fault."""
    results = list(results)
    lines: list[str] = []
    for half in ("tuning", "held-out", "all"):
        part = [r for r in results if half in (r.half, "all")]
        lines += ["", f"{half}: {_counted(part, 'sick')} sick, {_counted(part, 'healthy')} healthy"]
        lines += [f"  {name:<42} {rate}" for name, rate in _rates(part).items()]
    lines += ["", f"{'family':<20} " + " ".join(f"{name:>30}" for name in SHORT)]
    for family in dict.fromkeys(r.family for r in results):
        rates = _rates([r for r in results if r.family == family])
        lines.append(f"{family:<20} " + " ".join(f"{rates[name]!s:>30}" for name in SHORT.values()))
    lines += [
        "",
        f"{'fault':<20} {'sick':>4} {'alarm':>6} {'in training':>12} {'median share of the training before it':>40}",
    ]
    for fault in dict.fromkeys(r.fault for r in results if r.fault):
        found = [r for r in results if r.fault == fault and r.verdict == "sick"]
        early = [r.step / max(r.steps, 1) for r in found if r.alarm]
        at = f"{np.median(early):.2f}" if early else "-"
        alarms, live = sum(bool(r.alarm) for r in found), sum(r.live for r in found)
        lines.append(f"{fault:<20} {len(found):>4} {alarms:>6} {live:>12} {at:>40}")
    left_out = [f"{r.name} ({r.verdict})" for r in results if r.verdict in ("harmless", "broken")]
    lines += ["", f"not counted: {', '.join(left_out) or 'none'}"]
    return "\n".join(lines + [f"\n{r.name}\n{r.trouble}" for r in results if r.trouble])
