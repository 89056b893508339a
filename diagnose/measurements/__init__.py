"""What was measured: frozen dataclasses between the instruments and the checks.

An instrument returns one of the classes below; a check names the classes it needs as its parameter
types. A field that could not be measured is `Unavailable(reason, how)`; `need` turns that into a skipped
check. Arrays are float64 unless said otherwise, `units` means the last axis of a layer's output
(a channel counts as one unit), errors are error rates (0 to 1) or RMSE in units of the target.
"""

from diagnose.measurements.dataset import (
    Dataset,
    GroupOverlap,
    InputStatistics,
    SplitStatistics,
    TargetStatistics,
    TimeOrder,
)
from diagnose.measurements.evaluation import (
    Conversions,
    Evaluation,
    Initial,
    Score,
    SplitScores,
)
from diagnose.measurements.needing import (
    ALL_ROWS,
    DEV,
    DOES_NOT_APPLY,
    HISTORY,
    LONGER,
    REPORT,
    TRAINABLE,
    Array,
    NotMeasured,
    Unavailable,
    need,
)
from diagnose.measurements.network import Head, Layer, Network
from diagnose.measurements.signal import (
    Activations,
    Backward,
    FirstInput,
    Forward,
    Gradients,
    LayerActivations,
    LayerGradients,
)
from diagnose.measurements.trainings import (
    Attempt,
    Baseline,
    Candidate,
    Feeding,
    History,
    LearningRate,
    OutputBaseline,
    OverfitBatch,
    RangeTest,
    Run,
    SweepPoint,
    Update,
)
from diagnose.measurements.twins import Twins

Measurement = (
    Network
    | Dataset
    | Forward
    | Backward
    | Evaluation
    | Conversions
    | Initial
    | Baseline
    | LearningRate
    | History
    | OverfitBatch
)
Measurements = dict[type, object]
"""Measurement type -> its instance, or `Unavailable`."""

__all__ = [
    "ALL_ROWS",
    "DEV",
    "DOES_NOT_APPLY",
    "HISTORY",
    "LONGER",
    "REPORT",
    "TRAINABLE",
    "Activations",
    "Array",
    "Attempt",
    "Backward",
    "Baseline",
    "Candidate",
    "Conversions",
    "Dataset",
    "Evaluation",
    "Feeding",
    "FirstInput",
    "Forward",
    "Gradients",
    "GroupOverlap",
    "Head",
    "History",
    "Initial",
    "InputStatistics",
    "Layer",
    "LayerActivations",
    "LayerGradients",
    "LearningRate",
    "Measurement",
    "Measurements",
    "Network",
    "NotMeasured",
    "OutputBaseline",
    "OverfitBatch",
    "RangeTest",
    "Run",
    "Score",
    "SplitScores",
    "SplitStatistics",
    "SweepPoint",
    "TargetStatistics",
    "TimeOrder",
    "Twins",
    "Unavailable",
    "Update",
    "need",
]
