"""The instruments: the only code that runs the user's model."""

from diagnose.measuring.planning import (
    INSTRUMENTS,
    Executed,
    Instrument,
    Measured,
    Missed,
    Planner,
    measured_by,
    planner_for,
)

__all__ = ["INSTRUMENTS", "Executed", "Instrument", "Measured", "Missed", "Planner", "measured_by", "planner_for"]
