"""Hand-written evidence of every kind."""

import base64
import math
import struct
import zlib
from typing import Any, Literal

from diagnose.diagnosis import ErrorLevel
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
    Table,
)

CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def picture(seed: int) -> str:
    """A grey image of 8 x 8 pixels as base64 PNG."""
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


def errors(
    splits: dict[str, tuple[float, float, float]],
    unit: Literal["error rate", "RMSE"] = "error rate",
    *,
    constant: float = math.nan,
    output: str = "dense_2",
    **more: Any,
) -> tuple[ErrorLevel, ...]:
    """The errors of one output. `splits`: for each split (error, low, high)."""
    return tuple(
        ErrorLevel(
            output=output,
            split=split,
            unit=unit,
            error=value,
            interval=None if math.isnan(low) else Interval(low, high),
            rows=1_000,
            population=1_000,
            constant_error=constant,
            skill=1 - value / constant,
            **more,
        )
        for split, (value, low, high) in splits.items()
    )


ERRORS = errors(
    {"train": (0.898, 0.892, 0.903), "dev": (0.901, 0.891, 0.910), "test": (0.899, 0.889, 0.908)},
    constant=0.901,
    target_error=0.05,
    baseline="gradient boosting",
    baseline_error=0.132,
    baseline_interval=Interval(0.122, 0.143),
    baseline_split="dev",
    loss=2.303,
    metrics={"accuracy": 0.099},
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
