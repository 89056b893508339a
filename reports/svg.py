"""SVG and HTML elements as escaped text, and scales that place marks in percent.

Figures are fluid: the SVG box is the plot area, positions are percentages of it, and text is in px. A figure reads
the same at 360 and at 1920 px. Its lines are in a nested SVG that stretches.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from diagnose.reports.numbers import number

VOID = frozenset({"br", "img"})  # elements without an end tag
LARGEST, SMALLEST = 1e150, 1e-150  # values beyond these are drawn at the end of the axis
GUTTER = 8.0  # percent of a log axis reserved for exact zeros


def tag(name: str, *children: str | Markup, **attributes: str | float | None) -> Markup:
    """One element. Children that are not Markup are escaped; attributes with the value None are left out.

    In attribute names a trailing underscore is dropped and others become hyphens (`class_`, `text_anchor`).
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def _value(value: str | float) -> str | float:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def joined(parts: Iterable[str | Markup]) -> Markup:
    return Markup("").join(escape(part) for part in parts)


def at(position: float) -> str:
    """A position in percent of the plot, as an attribute."""
    return f"{position:.2f}".rstrip("0").rstrip(".") + "%"


@dataclass(frozen=True)
class Scale:
    """Maps the values of one axis to positions from 0 to 100 percent.

    On a log axis, zero and negative values lie in a separate strip. `strip`: its width (0: no strip). `step`: the
    distance between ticks of a linear axis (0: chosen by the span). `whole`: ticks are whole numbers.
    """

    low: float
    high: float
    log: bool = False
    strip: float = 0.0
    step: float = 0.0
    whole: bool = False

    def place(self, value: float) -> float | None:
        """Percent from the start of the axis; None if not finite."""
        if not math.isfinite(value):
            return None
        if self.log and value <= 0:
            return self.strip / 2
        low, high, value = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        share = (value - low) / (high - low)
        return self.strip + (100 - self.strip) * min(1.0, max(0.0, share))

    def ticks(self, most: int = 5) -> tuple[tuple[float, str], ...]:
        """Positions and texts of the ticks inside the axis."""
        step = self.step or max(_step(self.high - self.low, most), 1.0 if self.whole else 0.0)
        values = _log_ticks(self.low, self.high, most) if self.log else _linear_ticks(self.low, self.high, step)
        places = zip(map(self.place, values), _texts(values), strict=True)
        zero = [(self.strip / 2, "0")] if self.strip else []
        return (*zero, *((place, text) for place, text in places if place is not None))


def scale(values: Iterable[float], log: bool = False, zero: bool = False, exact: bool = False) -> Scale:
    """An axis that includes every finite value.

    `zero`: a linear axis includes 0. `exact`: it ends at the outermost values instead of at round numbers.
    """
    finite = [min(max(float(value), -LARGEST), LARGEST) for value in values if math.isfinite(value)]
    if log:
        return _log_scale([value for value in finite if value > 0], strip=any(value <= 0 for value in finite))
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= max(1e-12 * max(abs(low), abs(high)), SMALLEST):
        low, high = (0.0, 1.0) if abs(low) <= SMALLEST else (min(low, 0.0) * 1.5, max(high, 0.0) * 1.5)
    if exact:
        return Scale(low, high)
    step = _step(high - low, 5)
    return Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step=step)


def _log_scale(positive: list[float], strip: bool) -> Scale:
    low, high = (min(positive), max(positive)) if positive else (0.1, 10.0)
    low, high = max(low, SMALLEST), max(high, SMALLEST)
    if high / low < 4:
        low, high = low / 2, high * 2
    margin = (high / low) ** 0.04
    return Scale(low / margin, high * margin, log=True, strip=GUTTER if strip else 0.0)


def _texts(values: Sequence[float]) -> list[str]:
    """Numbers with enough significant figures to be distinct."""
    texts: list[str] = []
    for digits in range(3, 10):
        texts = [number(value, digits) for value in values]
        if len(set(texts)) == len(texts):
            break
    return texts


def _step(span: float, most: int) -> float:
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.8)


def _linear_ticks(low: float, high: float, step: float) -> list[float]:
    first = math.ceil(low / step - 1e-9)
    return [round(count * step, 12) for count in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    decades = range(first, last + 1)
    if len(decades) > 2:
        every = math.ceil(len(decades) / most)
        return [10.0**exponent for exponent in decades if (exponent - last) % every == 0]
    fine = [size * 10.0**exponent for exponent in range(first - 1, last + 1) for size in (1, 2, 5)]
    inside = [value for value in fine if low <= value <= high]
    return inside[:: math.ceil(len(inside) / most)] if inside else []
