"""The instruments: the only code that runs the user's model."""

from diagnose.measuring.planning import INSTRUMENTS, Executed, Instrument, Measured, Planner, planner_for

__all__ = ["INSTRUMENTS", "Executed", "Instrument", "Measured", "Planner", "planner_for"]
