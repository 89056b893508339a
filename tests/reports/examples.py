"""Hand-written diagnoses that every report must be able to show."""

import math
from dataclasses import replace

from diagnose.diagnosis import (
    FAST_AI,
    MACHINE_LEARNING_YEARNING,
    Coverage,
    Diagnosis,
    Distribution,
    Effect,
    Figure,
    State,
    Verdict,
)
from diagnose.findings import (
    Bars,
    Curves,
    Histogram,
    Interval,
    Mark,
    Matrix,
    Sample,
    Samples,
    Series,
    Severity,
    Table,
    Where,
)
from tests.reports.pictures import BY_CLASS, COUNTS, ERRORS, HISTORY, RANGE, errors
from tests.reports.sick_model import (
    CHECKS,
    LAYERS,
    REMEDIES,
    SETTINGS,
    SICK_CAUSES,
    SICK_FINDINGS,
    SICK_VERDICTS,
    SUBJECT,
    TOOL,
    cause,
    finding,
    layer,
    verdict,
)


def sick() -> Diagnosis:
    """Two interacting faults, with every kind of evidence."""
    return Diagnosis(
        tool=TOOL,
        subject=SUBJECT,
        settings=SETTINGS,
        state=State.SICK,
        headline="The model answers “Dress” to every image: unscaled inputs and too high a learning rate silenced "
        "its units in the first epoch.",
        causes=SICK_CAUSES,
        findings=SICK_FINDINGS,
        checks=CHECKS,
        verdicts=SICK_VERDICTS,
        remedies=REMEDIES,
        effects=(
            Effect("inputs-not-scaled", "inputs scaled to 0–1", 0.0, 0.82, Interval(0.79, 0.85), "sufficient", 3),
            Effect("learning-rate-too-high", "learning rate 5e-4", 0.0, 0.76, Interval(0.72, 0.79), "sufficient", 3),
        ),
        coverage=(
            Coverage(
                "Overfitting of the loaded weights to train rows",
                "Every training row may have been trained on.",
                "Keep 10 % of train out of your next training and store it as data/train_dev.npz.",
            ),
            Coverage("Slices other than the class", "The data names no source, batch, time or group.", ""),
        ),
        timing={"loading": 1.2, "forward": 3.4, "learning rate": 48.0, "trials": 3_240.0},
        figures=(
            Figure("curves", RANGE),
            Figure("curves", HISTORY),
            Figure("data", COUNTS),
            Figure("data", BY_CLASS),
        ),
        layers=LAYERS,
        errors=ERRORS,
        date="2026-11-22T14:06:00+00:00",
    )


def unjudged(now: str, because: str) -> dict[str, tuple[Verdict, ...]]:
    return {
        "machine_learning_yearning": tuple(verdict(item, now, None, because) for item in MACHINE_LEARNING_YEARNING),
        "fast_ai": tuple(verdict(item, now, None, because) for item in FAST_AI),
    }


def healthy() -> Diagnosis:
    """No disease; a direction shows where the remaining error comes from."""
    verdicts = unjudged("dont-yet", "Dev error lies within 2 standard errors of the target.")
    first = verdict(
        "more-data",
        "do",
        None,
        "Variance is 0.021 of the 0.027 above the target.",
        snippet="x_train = np.concatenate([x_train, x_more])",
    )
    return replace(
        sick(),
        state=State.HEALTHY,
        headline="No fault found. Of the 11.0 % dev error, 4.8 points are overfitting.",
        causes=(
            cause(
                "high-variance",
                "High variance",
                1,
                Severity.HINT,
                "suspected",
                "Train errs on 5.8 %, dev on 10.6 %.",
                (),
                kind="direction",
                confidence=0.9,
            ),
        ),
        findings=(finding(1, "class-balance", Severity.INFO, "classes hold between 1,176 and 1,225 rows"),),
        checks=tuple(replace(check, outcome="clean", reason="") for check in CHECKS),
        verdicts=verdicts | {"machine_learning_yearning": (first, *verdicts["machine_learning_yearning"][1:])},
        remedies=(),
        effects=(),
        coverage=(),
        figures=(Figure("curves", HISTORY),),
        errors=errors(
            {
                "train": (0.058, 0.054, 0.063),
                "train_dev": (0.106, 0.09, 0.125),
                "dev": (0.11, 0.101, 0.12),
                "test": (0.112, 0.103, 0.122),
            },
            constant=0.9,
            target_error=0.05,
        ),
        layers=tuple(
            replace(row, spread=0.9, gradient=2e-3, dead=None if row.dead is None else 0.02, flags=()) for row in LAYERS
        ),
    )


def regression() -> Diagnosis:
    """One numeric output, errors in units of the target."""
    rmse = errors(
        {"train": (2.2, 2.1, 2.3), "dev": (4.9, 4.3, 5.6)},
        "RMSE",
        constant=9.2,
        output="price",
        baseline="ridge",
        baseline_error=3.1,
        baseline_interval=Interval(2.8, 3.5),
        baseline_split="dev",
    )
    return replace(
        healthy(),
        state=State.ATTENTION,
        headline="Ridge regression does better: RMSE 3.1 [2.8, 3.5] against the model's 4.9 [4.3, 5.6].",
        subject=SUBJECT
        | {"name": "boston.h5", "outputs": [{"name": "price", "task": "regression", "loss": "mean_squared_error"}]},
        figures=(),
        errors=rmse,
    )


def many_outputs() -> Diagnosis:
    """Two outputs, each with its own errors."""
    by_output = [replace(error, output=name) for name in ("colour", "shape") for error in ERRORS]
    outputs = [
        {"name": name, "task": "multiclass", "loss": "categorical_crossentropy", "weight": 1.0}
        for name in ("colour", "shape")
    ]
    return replace(sick(), subject=SUBJECT | {"outputs": outputs}, figures=(), errors=tuple(by_output))


def without_dev() -> Diagnosis:
    """Only train rows: everything that needs a dev set is unknown."""
    return replace(
        healthy(),
        state=State.UNKNOWN,
        headline="Whether it generalizes is unknown: no rows that the weights have not seen were given.",
        subject=SUBJECT | {"splits": SUBJECT["splits"][:1]},
        causes=(),
        verdicts=unjudged("unknown", "Every row may have been trained on."),
        figures=(),
        errors=errors({"train": (0.02, 0.017, 0.024), "dev": (math.nan, math.nan, math.nan)}),
        layers=(),
    )


def deep(layers: int = 200) -> Diagnosis:
    """A network of many layers, four of them sick, with profiles over all of them."""
    sides = (112, 56, 28, 14, 7)
    rows = []
    for index in range(layers):
        side = sides[index * len(sides) // layers]
        dead = index % 53 == 20
        rows.append(
            layer(
                f"stage{index * 5 // layers}_block{index // 3}_conv{index % 3}",
                ("Conv2D", "BatchNormalization", "ReLU")[index % 3],
                (None, side, side, 64),
                36_928 if index % 3 == 0 else 0,
                "relu" if index % 3 == 2 else None,
                spread_fresh=1.0 + index % 7 / 10,
                spread=0.8 + index % 5 / 10,
                gradient_fresh=1e-3 * 0.97**index,
                gradient=2e-3 * 0.97**index,
                dead=0.6 if dead else 0.02 if index % 3 == 2 else None,
                activations=Distribution(0.5, -2.0, (0.02, 0.08, 0.2, 0.2)),
                activations_fresh=Distribution(0.4, -2.0, (0.1, 0.1, 0.2, 0.2)),
                gradients=Distribution(0.0, -8.0, (0.0625,) * 16),
                gradients_fresh=Distribution(0.0, -7.0, (0.0625,) * 16),
                flags=("dead-units",) if dead else (),
            )
        )
    found = tuple(
        finding(
            number,
            "dead-units",
            Severity.WARNING,
            f"60 % of the units of {row.path} never fire",
            Where(layer=row.path),
            value=0.6,
            threshold=0.4,
            rows=4_096,
        )
        for number, row in enumerate((row for row in rows if row.flags), 1)
    )
    names = tuple(row.path for row in rows)
    profile = Bars(
        "Gradient by depth",
        names,
        tuple(row.gradient for row in rows),
        unit="|g| / |W|",
        healthy=(1e-4, 1e-1),
        log=True,
    )
    steps = tuple(float(step) for step in range(5_000))
    noisy = tuple(2.3 * math.exp(-step / 900) + 0.05 * math.sin(step) + 0.1 for step in steps)
    curve = Curves("Loss by step", "step", "loss", (Series("train", steps, noisy, role="train"),))
    main = cause(
        "dead-units",
        "Units that never fire",
        1,
        Severity.WARNING,
        "suspected",
        "Four layers lost more than half of their units.",
        tuple(each.id for each in found),
        evidence=(profile,),
    )
    return replace(
        sick(),
        state=State.ATTENTION,
        causes=(main,),
        findings=found,
        layers=tuple(rows),
        figures=(Figure("curves", curve), Figure("layers", profile)),
    )


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}{% raw %}</style></title>--><!--"
LONG = "a_very_long_name_of_a_layer_" * 8


def hostile() -> Diagnosis:
    """Names that contain markup, and names of 200 characters without a space."""
    names = (HOSTILE, LONG, "\u202egnol\x1b[31m", "数据", "")
    bars = Bars(
        HOSTILE,
        names,
        (1.0, 2.0, math.nan, math.inf, 0.0),
        unit=HOSTILE,
        lows=(0.5, 1.0, math.nan, 1.0, 0.0),
        highs=(2.0, math.inf, math.nan, 3.0, 0.1),
    )
    curves = Curves(
        LONG,
        HOSTILE,
        LONG,
        (Series(HOSTILE, (1.0, 2.0, 3.0), (1.0, math.nan, 3.0)), Series(LONG, (), ())),
        (Mark(HOSTILE, 2.0), Mark(LONG, math.nan)),
    )
    matrix = Matrix(
        HOSTILE, HOSTILE, LONG, names, names, tuple(tuple(float(i * j) for j in range(5)) for i in range(5))
    )
    table = Table(HOSTILE, (HOSTILE, LONG), ((HOSTILE, LONG), (LONG, 3.0)))
    samples = Samples(LONG, (Sample(HOSTILE, png='" onload="alert(1)'), Sample(LONG, text=HOSTILE * 9)))
    histogram = Histogram(HOSTILE, LONG, (0.0, math.nan, 2.0), (1.0, 2.0))
    every = (bars, curves, matrix, table, samples, histogram)
    found = finding(
        1,
        "input-scale",
        Severity.ERROR,
        HOSTILE + LONG,
        Where(output=HOSTILE, layer=LONG, feature=HOSTILE, label=LONG),
        value=math.nan,
        threshold=math.inf,
        interval=Interval(-math.inf, math.nan),
        evidence=every,
    )
    main = cause("inputs-not-scaled", HOSTILE, 1, Severity.ERROR, "suspected", LONG, (found.id,), evidence=every)
    rows = tuple(
        layer(
            name, HOSTILE, (None, None, 3), 7, LONG, spread=math.nan, gradient=math.inf, dead=math.nan, flags=(HOSTILE,)
        )
        for name in names
    )
    return replace(
        sick(),
        headline=HOSTILE + LONG,
        subject={
            "name": HOSTILE + LONG,
            "splits": {HOSTILE: {"rows": 3, "seen": LONG, "origin": HOSTILE}},
            "notes": [HOSTILE, LONG],
            HOSTILE: LONG,
        },
        settings={"command": HOSTILE + LONG},
        causes=(main,),
        findings=(found,),
        remedies=(replace(REMEDIES[0], action=LONG, why=HOSTILE, snippet=HOSTILE + "\n" + LONG),),
        checks=tuple(
            replace(check, title=HOSTILE, reason=LONG, explanation=HOSTILE + f"\n\n## {HOSTILE}\n- {HOSTILE}")
            for check in CHECKS
        ),
        coverage=(Coverage(LONG, HOSTILE, LONG),),
        figures=tuple(Figure(section, evidence) for section in ("curves", "layers", "data") for evidence in every),
        layers=rows,
        errors=(
            *errors(dict.fromkeys(names, (math.nan, math.nan, math.inf)), constant=math.inf, output=HOSTILE),
            *errors({"dev": (0.1, 0.0, 0.2)}, output=LONG, baseline=HOSTILE, metrics={HOSTILE: math.nan}),
        ),
    )


EVERY = {
    "sick": sick,
    "healthy": healthy,
    "regression": regression,
    "many_outputs": many_outputs,
    "without_dev": without_dev,
    "deep": deep,
    "hostile": hostile,
}
