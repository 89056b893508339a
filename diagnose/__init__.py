"""Finds out what is wrong with a Keras model, how sure that is, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diagnose.callback import DiagnosisCallback
    from diagnose.diagnosis import Diagnosis
    from diagnose.loop import watch
    from diagnose.pipeline import examine

__version__ = "0.1.0"
__all__ = ["Diagnosis", "DiagnosisCallback", "examine", "watch"]

_HOME = {
    "Diagnosis": "diagnose.diagnosis",
    "DiagnosisCallback": "diagnose.callback",
    "examine": "diagnose.pipeline",
    "watch": "diagnose.loop",
}


def __getattr__(name: str) -> Any:
    """Import the public names on first use, to keep `import diagnose` fast."""
    if name not in _HOME:
        raise AttributeError(f"module 'diagnose' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
