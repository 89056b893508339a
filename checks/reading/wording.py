"""How checks write numbers and names in their messages."""

import math
from collections.abc import Sequence


def percent(share: float) -> str:
    """A share (0 to 1) as a percentage: "0.42 %", "7.1 %", "43 %", "99.7 %", "100 %"."""
    value = 100 * share
    if value in (0.0, 100.0) or 10 <= value < 99:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 99 else f"{value:.2g} %"


def whole_or(share: float) -> str:
    """A share (0 to 1) of one thing: "43 % of", or "all of" if it rounds to 100 %."""
    return "all of" if percent(share) == "100 %" else f"{percent(share)} of"


def number(value: float) -> str:
    """Three significant digits, thousands with commas: "0.0123", "4.5", "12,340", "1.2e7", "1e-4"."""
    if 1e3 <= abs(value) < 1e6:
        return f"{value:,.0f}"
    value = value or 0.0  # never "-0"
    if not math.isfinite(value) or value == 0 or 1e-3 <= abs(value) < 1e3:
        return f"{value:.3g}"
    digits, exponent = f"{value:.2e}".split("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"


def skill_text(value: float) -> str:
    """A skill with two decimals: "0.97", "0.00" (never "-0.00")."""
    return f"{value:.2f}" if abs(value) >= 0.005 else "0.00"


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first names, and how many are left out: "a, b, c and 4 more"."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: "1 layer", "3 layers"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
