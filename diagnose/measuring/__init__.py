"""The instruments: the only code that runs the user's model."""

from diagnose.measuring.instruments import INSTRUMENTS, Instrument
from diagnose.measuring.planning import Executed, Measured, Missed, Planner, measured_by, planner_for

__all__ = ["INSTRUMENTS", "Executed", "Instrument", "Measured", "Missed", "Planner", "measured_by", "planner_for"]
