"""Hand-written diagnoses: what a report must be able to show. All numbers are invented but agree with each other."""

import base64
import math
import struct
import zlib
from dataclasses import replace

from diagnose.diagnosis import (
    FAST_AI,
    MACHINE_LEARNING_YEARNING,
    Cause,
    CheckOutcome,
    Coverage,
    Diagnosis,
    Effect,
    Figure,
    LayerRow,
    Payoff,
    Remedy,
    Source,
    State,
    Tool,
    Verdict,
)
from diagnose.findings import (
    Bars,
    Curves,
    Finding,
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

TOOL = Tool("diagnose", "0.1.0", {"python": "3.11.9", "keras": "3.15.1", "tensorflow": "2.21.0", "numpy": "2.4.0"})
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
DOCUMENTATION = """Compares what reaches the first trainable layer with what initializers assume.

## What it measures
Mean and standard deviation of every feature at the first trainable layer, after all preprocessing *inside* the model.

## Why it matters
Large inputs make the first gradients large, and every later choice of rate is off by the same factor.

## How it is decided
Warning where the 99th percentile of `|x|` exceeds 50:

- only with a second witness in the loss,
- never for one-hot or count inputs.

## Known limits
A range beyond 1 alone is no finding.

## References
- LeCun et al. 1998, "Efficient BackProp"
"""
SNIPPET = """import keras

old = keras.models.load_model("model.h5", compile=False)
model = keras.Sequential([
    keras.Input((28, 28, 1)),
    keras.layers.Rescaling(1 / 255),
    keras.models.clone_model(old),  # fresh weights: dead units stay dead
])
model.compile(optimizer=keras.optimizers.Adam(learning_rate=5e-4), loss="sparse_categorical_crossentropy")
model.fit(x_train, y_train, batch_size=128, epochs=12, validation_data=(x_dev, y_dev))
"""


def picture(seed: int) -> str:
    """A grey picture of 8 x 8 as PNG, base64."""
    rows = b"".join(b"\0" + bytes((seed * 37 + 9 * x * y + 20 * (x ^ y)) % 256 for x in range(8)) for y in range(8))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(png).decode()


SPREAD = Bars(
    "What leaves each layer before training",
    ("input", "conv2d", "conv2d_1", "conv2d_2", "conv2d_3", "dense", "dense_1", "dense_2", "dense_3", "dense_4"),
    (90.0, 74.0, 52.0, 41.0, 30.0, 22.0, 15.0, 10.6, 7.5, 6.9),
    unit="standard deviation",
    healthy=(0.02, 3.0),
    log=True,
)
RATES = tuple(10 ** (-6 + 0.06 * step) for step in range(100))
SMOOTH = tuple(
    2.3 + 7.5 / (1 + (rate / 2e-4) ** 2) - 0.5 * math.exp(-((math.log10(rate) + 3) ** 2)) + (rate / 8e-4) ** 1.5
    for rate in RATES
)
RANGE = Curves(
    "Learning-rate range test",
    "learning rate",
    "loss",
    (
        Series(
            "as it is",
            RATES,
            SMOOTH,
            tuple(0.92 * loss for loss in SMOOTH),
            tuple(1.09 * loss for loss in SMOOTH),
            role="yours",
        ),
    ),
    (Mark("usable", 5e-5, 5e-4, "healthy"), Mark("your 1e-2", 1e-2, role="yours")),
    log_x=True,
    log_y=True,
)
EPOCHS = tuple(float(epoch) for epoch in range(1, 13))
HISTORY = Curves(
    "Loss by epoch",
    "epoch",
    "loss",
    (
        Series("train", EPOCHS, (4.1, *(2.303,) * 11), role="train"),
        Series("dev", EPOCHS, (3.2, *(2.304,) * 11), role="dev"),
        Series("constant prediction", (1.0, 12.0), (2.3026, 2.3026), role="reference"),
    ),
    (Mark("best epoch", 4.0),),
)
REPLAY = Curves(
    "The first 300 steps, replayed",
    "training step",
    "loss",
    tuple(
        Series(
            f"seed {seed}",
            tuple(float(step) for step in range(300)),
            tuple(2.303 + (1100 + 90 * seed) * math.exp(-(((step - 18) / 11) ** 2)) for step in range(300)),
        )
        for seed in range(3)
    ),
    log_y=True,
)
DIVERGED = Curves(
    "Loss with the rate put back",
    "step",
    "loss",
    (Series("seed 0", (0.0, 1.0, 2.0, 3.0, 4.0), (2.3, 41.0, 9e5, math.inf, math.nan)),),
    log_y=True,
)
PIXELS = Histogram(
    "Pixel values as the model receives them",
    "pixel value",
    tuple(float(edge) for edge in range(0, 272, 16)),
    (5264.0, *(180.0 + 18 * step for step in range(15))),
)
CONFUSION = Matrix(
    "Confusion matrix, dev",
    "true class",
    "predicted class",
    CLASSES,
    CLASSES,
    tuple(tuple(395.0 + i if j == 3 else 5.0 * (i == j) for j in range(10)) for i in range(10)),
)
WORST = Samples(
    "Most confident mistakes on dev",
    tuple(Sample(f"{CLASSES[i % 10]} taken for Dress, 0.9{9 - i % 10}", png=picture(i)) for i in range(12)),
)
UPDATES = Table(
    "Updates per weight, first 10 % of the steps",
    ("layer", "update / weight", "kernel", "steps"),
    (("conv2d", 0.041, "3 × 3", 113), ("dense", 0.062, "3136 × 128", 113), ("dense_4", math.nan, "128 × 10", None)),
)
ERRORS = Bars(
    "Error rate of the loaded weights",
    ("target", "train", "dev", "test", "best baseline", "constant prediction"),
    (0.05, 0.898, 0.901, 0.899, 0.132, 0.901),
    unit="error rate",
    lows=(0.05, 0.892, 0.891, 0.889, 0.122, 0.891),
    highs=(0.05, 0.903, 0.910, 0.908, 0.143, 0.910),
)
COUNTS = Bars(
    "Training rows per class",
    CLASSES,
    (1187.0, 1214.0, 1193.0, 1225.0, 1208.0, 1176.0, 1221.0, 1190.0, 1179.0, 1207.0),
    unit="rows",
)
BY_CLASS = Bars(
    "Dev error by class",
    CLASSES,
    tuple(0.0 if name == "Dress" else 1.0 for name in CLASSES),
    unit="error rate",
    lows=tuple(0.0 if name == "Dress" else 0.99 for name in CLASSES),
    highs=tuple(0.01 if name == "Dress" else 1.0 for name in CLASSES),
    threshold=0.9,
)


def finding(number: int, check: str, severity: Severity, message: str, where: Where | None = None, **rest) -> Finding:
    place = where or Where()
    return Finding(
        severity, message, place, code=check, check=check, id=f"{check}-{number}", fingerprint="0f" * 6, **rest
    )


SICK_FINDINGS = (
    finding(
        1,
        "input-scale",
        Severity.ERROR,
        "inputs reach the first layer with standard deviation 90",
        Where(layer="conv2d", split="train"),
        value=90.0,
        threshold=10.0,
        interval=Interval(89.1, 90.9),
        rows=12_000,
        evidence=(PIXELS,),
    ),
    finding(
        1,
        "initial-loss",
        Severity.WARNING,
        "loss at the start is 9.8 where guessing costs 2.30",
        value=9.8,
        threshold=2.8,
        interval=Interval(9.1, 10.6),
        rows=2_048,
    ),
    finding(
        1,
        "learning-rate-range",
        Severity.ERROR,
        "the rate 0.01 lies 20 times above the usable range",
        value=0.01,
        threshold=5e-4,
        rows=4_096,
        evidence=(RANGE,),
    ),
    *(
        finding(
            index + 1,
            "dead-units",
            Severity.ERROR,
            f"all 128 units of {layer} never fire",
            Where(layer=layer),
            value=1.0,
            threshold=0.4,
            rows=12_000,
        )
        for index, layer in enumerate(("dense", "dense_1", "dense_2", "dense_3"))
    ),
    finding(
        1,
        "constant-output",
        Severity.ERROR,
        "Dress is predicted for every row",
        Where(split="dev", label="Dress"),
        value=1.0,
        threshold=0.99,
        rows=4_000,
        evidence=(CONFUSION, WORST),
    ),
    finding(
        1,
        "baseline",
        Severity.WARNING,
        "gradient boosting errs on 13.2 %, the model on 90.1 %",
        Where(split="dev"),
        value=0.769,
        threshold=0.1,
        interval=Interval(0.755, 0.783),
        rows=4_000,
    ),
    finding(
        1, "class-balance", Severity.INFO, "classes hold between 1,176 and 1,225 rows", Where(split="train"), value=1.04
    ),
)


def cause(
    code: str, title: str, rank: int, severity: Severity, state: str, summary: str, explains: tuple[str, ...], **rest
) -> Cause:
    defaults = {"kind": "disease", "confidence": None, "evidence": (), "remedies": ()}
    return Cause(
        code=code,
        title=title,
        rank=rank,
        severity=severity,
        state=state,
        summary=summary,
        explains=explains,
        **(defaults | rest),
    )


SICK_CAUSES = (
    cause(
        "inputs-not-scaled",
        "Inputs are not scaled",
        1,
        Severity.ERROR,
        "confirmed",
        "Pixels arrive as 0 to 255 and nothing in the model scales them, so every signal starts 255 times too large and the loss at 9.8 instead of 2.3.",
        ("input-scale-1", "initial-loss-1"),
        confidence=0.97,
        evidence=(SPREAD,),
        remedies=("scale-inputs",),
    ),
    cause(
        "learning-rate-too-high",
        "The learning rate is too high",
        2,
        Severity.ERROR,
        "suspected",
        "Adam runs at 1e-2, 12.5 times above the rate at which the loss starts to rise; the first 20 steps push the dense units below zero for every image.",
        ("learning-rate-range-1", "dead-units"),
        confidence=0.95,
        evidence=(RANGE, REPLAY, UPDATES, DIVERGED),
        remedies=("lower-learning-rate",),
    ),
    cause(
        "dead-units",
        "Units that never fire",
        3,
        Severity.ERROR,
        "suspected",
        "Four dense layers are silent for every row.",
        ("dead-units-1", "dead-units-2", "dead-units-3", "dead-units-4", "constant-output-1", "baseline-1"),
        remedies=("lower-learning-rate",),
    ),
    cause(
        "high-variance",
        "High variance, once repaired",
        4,
        Severity.HINT,
        "inconclusive",
        "The repaired model errs on 5.8 % of the rows it saw and on 10.6 % of rows like them that it did not.",
        (),
        kind="direction",
        confidence=0.88,
    ),
    cause(
        "too-deep-plain",
        "Too deep without skip connections",
        5,
        Severity.WARNING,
        "refuted",
        "Nine weight layers in a row raised the suspicion; skip connections alone change -0.1 points [-0.8, 0.6].",
        (),
        confidence=None,
    ),
)


def measured(before: float, after: float, low: float, high: float) -> Payoff:
    return Payoff("error rate", before, after, Interval(low, high), "measured")


UNKNOWN = Payoff("error rate", None, None, None, "unknown")
REMEDIES = (
    Remedy(
        "scale-inputs",
        "Scale the inputs to 0–1 inside the model and retrain from fresh weights at a learning rate of 5e-4",
        "Both changes help, only both together reach 11 %; a dead unit passes no gradient, so the old weights cannot recover.",
        SNIPPET,
        (Source("Founding notes", "inputs scaled", "5"),),
        measured(0.901, 0.110, 0.101, 0.120),
        "one training run",
        ("inputs-not-scaled", "learning-rate-too-high"),
    ),
    Remedy(
        "lower-learning-rate",
        "Lower the learning rate to 5e-4",
        "It is the middle of the usable range.",
        "model.optimizer.learning_rate = 5e-4",
        (),
        UNKNOWN,
        "one line",
        ("learning-rate-too-high",),
    ),
    Remedy(
        "augment",
        "Augment the training images",
        "Flips and shifts of two pixels keep every label valid.",
        'keras.layers.RandomFlip("horizontal")',
        (Source("fast.ai", "data augmentation", "lesson 2"),),
        measured(0.110, 0.097, 0.089, 0.105),
        "one training run",
    ),
)
TITLES = {
    "more-data": "Get more data",
    "more-diverse-data": "More diverse data",
    "train-longer": "Train longer",
    "bigger-network": "Bigger network",
    "smaller-network": "Smaller network",
    "regularize": "Add regularization",
    "change-architecture": "Change the architecture",
    "augmentation": "Data augmentation",
    "generalizing-architecture": "Architectures that generalize",
    "regularization": "Regularization",
    "reduce-complexity": "Reduce complexity",
}


def verdict(
    item: str, now: str, after: str | None, because: str, payoff: Payoff | None = None, snippet: str = ""
) -> Verdict:
    return Verdict(item, TITLES[item], now, after, because, (), payoff, snippet)


SICK_VERDICTS = {
    "machine_learning_yearning": (
        verdict(
            "more-data",
            "dont-yet",
            "do",
            "Nothing is learnt from the 12,000 rows there are. Once it learns, variance is 4.8 of the 6.0 points above target.",
            Payoff("error rate", 0.11, 0.093, Interval(0.082, 0.105), "estimated"),
        ),
        verdict(
            "more-diverse-data",
            "unknown",
            "unknown",
            "The data names no source, batch or time, so no slice but the class can be formed.",
        ),
        verdict(
            "train-longer",
            "dont-yet",
            "dont-yet",
            "The loss has been 2.302 since epoch 2 and the updates are exactly 0.",
            measured(0.11, 0.11, 0.101, 0.12),
        ),
        verdict(
            "bigger-network",
            "dont-yet",
            "dont-yet",
            "The repaired network reaches 5.8 % on train against a target of 5.0.",
        ),
        verdict(
            "smaller-network",
            "dont-yet",
            "dont-yet",
            "A last resort against variance, and the size costs nothing here.",
        ),
        verdict(
            "regularize", "dont-yet", "do", "There is nothing to regularize yet.", measured(0.11, 0.101, 0.094, 0.108)
        ),
        verdict(
            "change-architecture", "dont-yet", "dont-yet", "Depth without skip connections was suspected and refuted."
        ),
    ),
    "fast_ai": (
        verdict("more-data", "dont-yet", "do", "As above."),
        verdict("augmentation", "dont-yet", "do", "None is in the model."),
        verdict(
            "generalizing-architecture",
            "unknown",
            "unknown",
            "No pretrained backbone fits 28 × 28 grey images offline, so none was tried.",
        ),
        verdict("regularization", "dont-yet", "dont-yet", "It would help, but this list asks for steps 1 to 3 first."),
        verdict("reduce-complexity", "dont-yet", "dont-yet", "The last step, and it raised dev error when tried."),
    ),
}


def outcome(
    code: str, title: str, family: str, result: str, reason: str = "", explanation: str = DOCUMENTATION
) -> CheckOutcome:
    return CheckOutcome(code, title, family, result, reason, 0.013, explanation)


CHECKS = (
    outcome("non-finite-weights", "Weights are finite", "numerics", "clean"),
    outcome("input-scale", "Input scale", "data", "findings"),
    outcome("class-balance", "Class balance", "data", "findings"),
    outcome(
        "label-noise",
        "Wrong labels",
        "data",
        "skipped",
        "it needs trainings out of fold; the time went into the trials",
    ),
    outcome("target-leakage", "Target leakage", "data", "skipped", "the inputs are pictures"),
    outcome("split-leakage", "Rows shared between splits", "data", "clean"),
    outcome("dead-units", "Units that never fire", "network", "findings"),
    outcome("constant-output", "Constant predictions", "network", "findings"),
    outcome("initial-loss", "Loss before training", "network", "findings"),
    outcome("learning-rate-range", "Learning-rate range", "optimisation", "findings"),
    outcome("plateau", "Plateaus", "optimisation", "crashed", "ZeroDivisionError: float division by zero"),
    outcome("baseline", "Beaten by a baseline", "generalisation", "findings"),
    outcome("mismatch", "Data mismatch", "generalisation", "skipped", "no train-dev split was given"),
)


def layer(
    path: str, kind: str, shape: tuple[int | None, ...], parameters: int, activation: str | None, **rest
) -> LayerRow:
    values = {
        "trainable": True,
        "initializer": "glorot_uniform" if parameters else None,
        "spread_fresh": None,
        "spread": None,
        "gradient_fresh": None,
        "gradient": None,
        "dead": None,
        "saturated": None,
        "flags": (),
    }
    return LayerRow(
        path=path, kind=kind, activation=activation, output_shape=shape, parameters=parameters, **(values | rest)
    )


DEAD = {"spread": 0.0, "gradient": 0.0, "dead": 1.0, "flags": ("dead-units",)}
LAYERS = (
    layer("input", "InputLayer", (None, 28, 28, 1), 0, None, spread_fresh=90.0, spread=90.0),
    layer(
        "conv2d",
        "Conv2D",
        (None, 28, 28, 32),
        320,
        "relu",
        spread_fresh=74.0,
        spread=88.0,
        gradient_fresh=0.46,
        gradient=0.0,
        dead=0.0625,
    ),
    layer(
        "conv2d_1",
        "Conv2D",
        (None, 28, 28, 32),
        9_248,
        "relu",
        spread_fresh=52.0,
        spread=44.0,
        gradient_fresh=0.31,
        gradient=0.0,
        dead=0.31,
    ),
    layer("max_pooling2d", "MaxPooling2D", (None, 14, 14, 32), 0, None, spread_fresh=58.0, spread=49.0),
    layer(
        "conv2d_2",
        "Conv2D",
        (None, 14, 14, 64),
        18_496,
        "relu",
        spread_fresh=41.0,
        spread=27.0,
        gradient_fresh=0.24,
        gradient=0.0,
        dead=0.45,
    ),
    layer(
        "conv2d_3",
        "Conv2D",
        (None, 14, 14, 64),
        36_928,
        "relu",
        spread_fresh=30.0,
        spread=15.0,
        gradient_fresh=0.2,
        gradient=0.0,
        dead=0.7,
    ),
    layer("max_pooling2d_1", "MaxPooling2D", (None, 7, 7, 64), 0, None, spread_fresh=33.0, spread=18.0),
    layer("flatten", "Flatten", (None, 3136), 0, None, spread_fresh=33.0, spread=18.0),
    layer("dense", "Dense", (None, 128), 401_536, "relu", spread_fresh=22.0, gradient_fresh=0.12, **DEAD),
    layer("dense_1", "Dense", (None, 128), 16_512, "relu", spread_fresh=15.0, gradient_fresh=0.16, **DEAD),
    layer("dense_2", "Dense", (None, 128), 16_512, "relu", spread_fresh=10.6, gradient_fresh=0.15, **DEAD),
    layer("dense_3", "Dense", (None, 128), 16_512, "relu", spread_fresh=7.5, gradient_fresh=0.14, **DEAD),
    layer(
        "dense_4", "Dense", (None, 10), 1_290, "softmax", spread_fresh=0.3, spread=0.0, gradient_fresh=0.2, gradient=0.0
    ),
)
SUBJECT = {
    "name": "model.h5 on data/",
    "parameters": 517_354,
    "layers": 13,
    "outputs": [
        {
            "name": "dense_4",
            "task": "multiclass",
            "loss": "sparse_categorical_crossentropy",
            "classes": 10,
            "target_error": 0.05,
        }
    ],
    "splits": [
        {"name": "train", "rows": 12_000, "seen": "yes", "origin": "data/train.npz"},
        {"name": "dev", "rows": 4_000, "seen": "no", "origin": "data/dev.npz"},
        {"name": "test", "rows": 4_000, "seen": "no", "origin": "data/test.npz"},
    ],
    "training": {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 128, "epochs": 12, "iterations": 1_128},
    "notes": ["The loss was restored from the file's compile settings.", "Labels are integers 0 to 9."],
}
SETTINGS = {
    "effort": "deep",
    "budget": None,
    "rows": 50_000,
    "seed": 0,
    "command": "diagnose model.h5 data/ --batch-size 128 --history history.csv \\\n    --target-error 0.05 --effort deep --seed 0",
}


def sick() -> Diagnosis:
    """Two faults that interact, with every kind of evidence."""
    return Diagnosis(
        tool=TOOL,
        subject=SUBJECT,
        settings=SETTINGS,
        state=State.SICK,
        headline="The model answers “Dress” to every image: unscaled inputs and too high a learning rate silenced its units in the first epoch.",
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
            Figure("errors", ERRORS),
            Figure("curves", RANGE),
            Figure("curves", HISTORY),
            Figure("data", COUNTS),
            Figure("data", BY_CLASS),
        ),
        layers=LAYERS,
        date="2026-11-22T14:06:00+00:00",
    )


def unjudged(now: str, because: str) -> dict[str, tuple[Verdict, ...]]:
    return {
        "machine_learning_yearning": tuple(verdict(item, now, None, because) for item in MACHINE_LEARNING_YEARNING),
        "fast_ai": tuple(verdict(item, now, None, because) for item in FAST_AI),
    }


def healthy() -> Diagnosis:
    """Nothing wrong; the direction says where the remaining error is."""
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
        headline="Nothing that was checked is wrong; the remaining error is mostly variance, 4.8 points [3.0, 6.6].",
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
        figures=(
            Figure(
                "errors",
                replace(
                    ERRORS,
                    labels=("target", "train", "train_dev", "dev", "test"),
                    values=(0.05, 0.058, 0.106, 0.11, 0.112),
                    lows=(0.05, 0.054, 0.09, 0.101, 0.103),
                    highs=(0.05, 0.063, 0.125, 0.12, 0.122),
                ),
            ),
            Figure("curves", HISTORY),
        ),
        layers=tuple(
            replace(row, spread=0.9, gradient=2e-3, dead=None if row.dead is None else 0.02, flags=()) for row in LAYERS
        ),
    )


def regression() -> Diagnosis:
    """One number out, errors in units of the target."""
    rmse = Bars(
        "RMSE",
        ("best baseline: ridge", "train", "dev", "constant prediction"),
        (3.1, 2.2, 4.9, 9.2),
        unit="RMSE in $1,000",
        lows=(2.8, 2.1, 4.3, 8.1),
        highs=(3.5, 2.3, 5.6, 10.4),
    )
    return replace(
        healthy(),
        state=State.ATTENTION,
        headline="Ridge regression does better: RMSE 3.1 [2.8, 3.5] against the model's 4.9 [4.3, 5.6].",
        subject=SUBJECT
        | {"name": "boston.h5", "outputs": [{"name": "price", "task": "regression", "loss": "mean_squared_error"}]},
        figures=(Figure("errors", rmse),),
    )


def many_outputs() -> Diagnosis:
    """Two outputs, each judged by itself."""
    by_output = [Figure("errors", replace(ERRORS, title=f"Error rate of {name}")) for name in ("colour", "shape")]
    outputs = [
        {"name": name, "task": "multiclass", "loss": "categorical_crossentropy", "weight": 1.0}
        for name in ("colour", "shape")
    ]
    return replace(sick(), subject=SUBJECT | {"outputs": outputs}, figures=tuple(by_output))


def without_dev() -> Diagnosis:
    """Only train: what rests on a dev set is unknown."""
    errors = Bars(
        "Error rate",
        ("train", "dev"),
        (0.02, math.nan),
        unit="error rate",
        lows=(0.017, math.nan),
        highs=(0.024, math.nan),
    )
    return replace(
        healthy(),
        state=State.UNKNOWN,
        headline="Whether it generalizes is unknown: no rows that the weights have not seen were given.",
        subject=SUBJECT | {"splits": SUBJECT["splits"][:1]},
        causes=(),
        verdicts=unjudged("unknown", "Every row may have been trained on."),
        figures=(Figure("errors", errors),),
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
        figures=(Figure("errors", ERRORS), Figure("curves", curve), Figure("layers", profile)),
    )


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}{% raw %}</style></title>--><!--"
LONG = "a_very_long_name_of_a_layer_" * 8


def hostile() -> Diagnosis:
    """Names that are markup, and names of 200 characters without a space."""
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
        figures=tuple(
            Figure(section, evidence) for section in ("errors", "curves", "layers", "data") for evidence in every
        ),
        layers=rows,
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
