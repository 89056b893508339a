"""The parts of one diagnosis of a sick model. All numbers are invented but agree with each other."""

from diagnose.diagnosis import (
    Cause,
    CheckOutcome,
    LayerRow,
    Payoff,
    Remedy,
    Source,
    Tool,
    Verdict,
)
from diagnose.findings import (
    Finding,
    Interval,
    Link,
    Severity,
    Where,
)
from tests.reports.pictures import CONFUSION, DIVERGED, PIXELS, RANGE, REPLAY, SPREAD, UPDATES, WORST

TOOL = Tool("diagnose", "0.1.0", {"python": "3.11.9", "keras": "3.15.1", "tensorflow": "2.21.0", "numpy": "2.4.0"})
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


def cause(  # noqa: PLR0917 - one line of a table
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
        "Pixels arrive as 0 to 255 and nothing in the model scales them, so every signal starts 255 times too large "
        "and the loss at 9.8 instead of 2.3.",
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
        "Adam runs at 1e-2, 12.5 times above the rate at which the loss starts to rise; the first 20 steps push "
        "the dense units below zero for every image.",
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
        "Both changes help, only both together reach 11 %; a dead unit passes no gradient, so the old weights "
        "cannot recover.",
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


def verdict(  # noqa: PLR0917 - one line of a table
    item: str, now: str, after: str | None, because: str, payoff: Payoff | None = None, snippet: str = ""
) -> Verdict:
    return Verdict(item, TITLES[item], now, after, because, (), payoff, snippet)


SICK_VERDICTS = {
    "machine_learning_yearning": (
        verdict(
            "more-data",
            "dont-yet",
            "do",
            "Nothing is learnt from the 12,000 rows there are. Once it learns, variance is 4.8 of the 6.0 points "
            "above target.",
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


READING = (Link("A recipe for training neural networks", "https://example.org/recipe"),)


def outcome(  # noqa: PLR0917 - one line of a table
    code: str, title: str, family: str, result: str, reason: str = "", explanation: str = DOCUMENTATION
) -> CheckOutcome:
    return CheckOutcome(code, title, family, result, reason, 0.013, explanation, reading=READING)


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
    "command": "diagnose model.h5 data/ --batch-size 128 --history history.csv \\\n"
    "    --target-error 0.05 --effort deep --seed 0",
}
