"""Numbers as text, the same way everywhere: true minus signs, thousands, three figures that count."""

import math
from collections.abc import Sequence

from diagnose.findings import Interval

SHARES = ("error rate", "share", "fraction", "accuracy")  # units that begin so are 0 to 1 and shown in per cent
WIDE = 20.0  # times: the ends of an interval that lie farther apart keep their own decimals
FINEST = 6  # decimals at most
SMALL = 2  # numbers below, as shares and skills are, keep two decimals: 0.97 is not 1.0


def number(value: float | int | None, digits: int = 3) -> str:
    """`value` with `digits` significant figures; whole numbers up to a million in full."""
    if value is None or isinstance(value, bool):
        return {None: "–", True: "yes", False: "no"}[value]
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite" if value > 0 else "minus infinite"
    size = abs(value)
    if value == int(value) and size < 1e6:
        return _signed(f"{int(value):,}")
    if size >= 1e6 or size < 1e-3:
        return _scientific(value, digits)
    places = max(0, digits - 1 - math.floor(math.log10(size)))
    return _signed(_trimmed(f"{value:,.{places}f}"))


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scientific(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return _signed(f"{_trimmed(mantissa)}e{int(exponent)}")


def _signed(text: str) -> str:
    return text.replace("-", "−")


def factor(unit: str) -> float:
    """What values in this unit are multiplied by to be shown: shares appear in per cent."""
    return 100.0 if unit.startswith(SHARES) else 1.0


def shown_unit(unit: str) -> str:
    return f"{unit}, %" if unit.startswith(SHARES) else unit


def quantity(value: float | None, unit: str = "") -> str:
    """`value` with its unit, for a sentence."""
    if value is None or not math.isfinite(value):
        return number(value)
    if unit.startswith(SHARES) or unit == "%":
        return f"{decimals(value * factor(unit))} %"
    return f"{number(value)} {unit}".strip()


def decimals(value: float) -> str:
    """One decimal, as per cents are read; two significant figures where that would be 0."""
    if not math.isfinite(value) or value in (0, 100):
        return number(value)
    return number(value, 2) if 0 < abs(value) < 0.1 else _signed(f"{value:,.1f}")


def interval(low: float, high: float, unit: str = "") -> str:
    """An interval in brackets, without the unit."""
    if unit.startswith(SHARES) or unit == "%":
        return f"[{decimals(low * factor(unit))}, {decimals(high * factor(unit))}]"
    places = _places(low, high)
    return f"[{_fixed(low, places)}, {_fixed(high, places)}]"


def beside(value: float | None, of: Interval | None) -> str:
    """`value` with as many decimals as its interval is shown with."""
    return number(value) if of is None or value is None else _fixed(value, _places(of.low, of.high))


def _places(low: float, high: float) -> int | None:
    """Decimals that show two figures of the interval's width; None where each end is better shown by itself."""
    width = high - low
    if not math.isfinite(width) or not 10.0**-FINEST < width < 1e6 or (low > 0 and high > WIDE * low):
        return None
    least = 2 if max(abs(low), abs(high)) < SMALL else 0
    return min(FINEST, max(least, 1 - math.floor(math.log10(width))))


def _fixed(value: float, places: int | None) -> str:
    if places is None or not math.isfinite(value) or value == int(value) or abs(value) >= 1e6:
        return number(value)
    return _signed(f"{value:,.{places}f}")


def between(of: Interval | None, unit: str = "") -> str:
    """An interval in brackets, its level named where it is not the usual 95 %."""
    if of is None:
        return ""
    level = "" if of.level == 0.95 else f" at {decimals(of.level * 100)} %"
    return interval(of.low, of.high, unit) + level


def seconds(value: float) -> str:
    """A duration as people say it."""
    if not math.isfinite(value):
        return "unknown"
    if value >= 120:
        return f"{value / 60:.0f} min"
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"


def shape(dimensions: Sequence[int | None] | None) -> str:
    """An output shape without its first axis (the rows): "28 × 28 × 32"; "?" for a free axis."""
    if not dimensions:
        return "–"
    return " × ".join("?" if size is None else f"{size:,}" for size in dimensions[1:]) or "one number"


def field(places: Sequence[int | None]) -> str:
    """A receptive field: "3 × 3"; "all" for the whole input."""
    if not places:
        return "–"
    return (
        "all" if all(size is None for size in places) else " × ".join("all" if p is None else f"{p:,}" for p in places)
    )


def cut(text: str, length: int) -> str:
    """`text`, its middle left out where it is longer than `length`."""
    if len(text) <= length:
        return text
    head = (length - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def halved(text: str, length: int) -> tuple[str, ...]:
    """`text` in one line, or in two that break after a space, a hyphen, an underscore or a slash; else cut."""
    if len(text) <= length:
        return (text,)
    ends = [place + 1 for place, sign in enumerate(text) if sign in " -_/"]
    fitting = [end for end in ends if len(text[:end].rstrip()) <= length and len(text) - end <= length]
    if not fitting:
        return (cut(text, length),)
    end = min(fitting, key=lambda end: abs(2 * end - len(text)))
    return text[:end].rstrip(), text[end:]


def listed(words: Sequence[str], limit: int = 6) -> str:
    """Words as people list them: "a, b and c"; what exceeds `limit` is counted."""
    if len(words) > limit:
        return f"{', '.join(words[:limit])} and {len(words) - limit} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def counted(count: int, noun: str) -> str:
    """ "1 check", "3 checks"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
