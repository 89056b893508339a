"""Measurements: frozen dataclasses that instruments return and checks read.

A check names the classes that it needs as its parameter types. A field that could not be measured is
`Unavailable(reason, how)`; `need` turns that into a skipped check. Arrays are float64 by default. A unit is an
element of the last axis of a layer's output (a channel is one unit). Errors are error rates (0 to 1) or RMSE in
units of the target.
"""

from diagnose.measurements.confidence import Group, Reliability, Residuals, Thresholds
from diagnose.measurements.continuation import Continuation
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
    OutputSpread,
    Score,
    SplitScores,
)
from diagnose.measurements.magnitudes import Magnitudes
from diagnose.measurements.modes import ModeErrors, Modes, ModeScores, MovingLayer
from diagnose.measurements.needing import (
    ALL_ROWS,
    DEV,
    DOES_NOT_APPLY,
    HISTORY,
    LONGER,
    REPORT,
    TRAINABLE,
    Array,
    Flags,
    Indices,
    NotMeasured,
    Unavailable,
    need,
)
from diagnose.measurements.network import Head, Layer, Network
from diagnose.measurements.padding import Padding
from diagnose.measurements.positions import Estimate, PositionClass, Positions
from diagnose.measurements.repaired import Repaired
from diagnose.measurements.rows_curve import Forecast, RowsCurve
from diagnose.measurements.shift import (
    Close,
    FeatureShift,
    Flattered,
    Lags,
    Neighbours,
    OutputLags,
    Shift,
    SplitShift,
    TargetShift,
)
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
    Moved,
    OutputBaseline,
    OverfitBatch,
    RangeTest,
    Run,
    Slip,
    SweepPoint,
    Update,
    Within,
)
from diagnose.measurements.twins import Twins
from diagnose.measurements.words import LookupLayer, Told, Words

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
    | Modes
    | Shift
    | Neighbours
    | Lags
    | Words
)
Measurements = dict[type, object]
"""Measurement type -> its instance or `Unavailable`."""

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
    "Close",
    "Continuation",
    "Conversions",
    "Dataset",
    "Estimate",
    "Evaluation",
    "FeatureShift",
    "Feeding",
    "FirstInput",
    "Flags",
    "Flattered",
    "Forecast",
    "Forward",
    "Gradients",
    "Group",
    "GroupOverlap",
    "Head",
    "History",
    "Indices",
    "Initial",
    "InputStatistics",
    "Lags",
    "Layer",
    "LayerActivations",
    "LayerGradients",
    "LearningRate",
    "LookupLayer",
    "Magnitudes",
    "Measurement",
    "Measurements",
    "ModeErrors",
    "ModeScores",
    "Modes",
    "Moved",
    "MovingLayer",
    "Neighbours",
    "Network",
    "NotMeasured",
    "OutputBaseline",
    "OutputLags",
    "OutputSpread",
    "OverfitBatch",
    "Padding",
    "PositionClass",
    "Positions",
    "RangeTest",
    "Reliability",
    "Repaired",
    "Residuals",
    "RowsCurve",
    "Run",
    "Score",
    "Shift",
    "Slip",
    "SplitScores",
    "SplitShift",
    "SplitStatistics",
    "SweepPoint",
    "TargetShift",
    "TargetStatistics",
    "Thresholds",
    "TimeOrder",
    "Told",
    "Twins",
    "Unavailable",
    "Update",
    "Within",
    "Words",
    "need",
]
