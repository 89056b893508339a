"""Formats numbers: minus signs, thousands separators, three significant figures."""

import math
from collections.abc import Sequence
from unicodedata import east_asian_width

from diagnose.findings import Interval

SHARES = ("error rate", "dev error", "share", "fraction", "accuracy")  # such units are 0 to 1, shown in percent
WIDE = 20.0  # with a larger ratio between its ends, each end of an interval has its own decimals
FINEST = 6  # decimals at most
SMALL = 2  # smaller numbers, such as shares and skills, keep two decimals: 0.97 is not 1.0


def number(value: float | int | None, digits: int = 3) -> str:
    """`value` with `digits` significant figures; whole numbers up to a million in full."""
    if value is None or isinstance(value, bool):
        return {None: "–", True: "yes", False: "no"}[value]
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinity" if value > 0 else "−infinity"
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
    """With a minus sign, unless only zeros are shown: "0.00", never "−0.00"."""
    return text.replace("-", "−" if any(digit in text for digit in "123456789") else "")


def is_share(unit: str) -> bool:
    """Whether values in this unit are 0 to 1 and shown in percent: "error rate", "dev error rate", "share of rows"."""
    return unit.startswith(SHARES) or unit.endswith("error rate")


def factor(unit: str) -> float:
    """The factor from values in this unit to displayed values: shares are displayed in percent."""
    return 100.0 if is_share(unit) else 1.0


def shown_unit(unit: str) -> str:
    return f"{unit}, %" if is_share(unit) else unit


def quantity(value: float | None, unit: str = "") -> str:
    """`value` with its unit, as in a sentence."""
    if value is None or not math.isfinite(value):
        return number(value)
    if is_share(unit) or unit == "%":
        return f"{decimals(value * factor(unit))} %"
    return f"{number(value)} {unit}".strip()


def decimals(value: float) -> str:
    """One decimal, as for percentages; below 0.1 two significant figures."""
    if not math.isfinite(value) or value in (0, 100):
        return number(value)
    return number(value, 2) if 0 < abs(value) < 0.1 else _signed(f"{value:,.1f}")


def interval(low: float, high: float, unit: str = "") -> str:
    """An interval in brackets, without the unit: "[0.1, 0.2]", "[0.1 or more]", "[unknown]"."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"[{_open(low, high, unit)}]"
    if is_share(unit) or unit == "%":
        return f"[{decimals(low * factor(unit))}, {decimals(high * factor(unit))}]"
    places = _places(low, high)
    return f"[{_fixed(low, places)}, {_fixed(high, places)}]"


def _open(low: float, high: float, unit: str) -> str:
    """An interval without one or both ends, in words."""
    percent = is_share(unit) or unit == "%"
    ends = [decimals(end * factor(unit)) if percent else number(end) for end in (low, high)]
    if math.isfinite(low):
        return f"{ends[0]} or more"
    return f"{ends[1]} or less" if math.isfinite(high) else "unknown"


def rounded_like(value: float | None, of: Interval | None) -> str:
    """`value` with as many decimals as its interval."""
    return number(value) if of is None or value is None else _fixed(value, _places(of.low, of.high))


def _places(low: float, high: float) -> int | None:
    """Decimals for two significant figures of the interval's width; None if each end has its own decimals."""
    width = high - low
    if not math.isfinite(width) or not 10.0**-FINEST < width < 1e6 or (low > 0 and high > WIDE * low):
        return None
    least = 2 if max(abs(low), abs(high)) < SMALL else 0
    return min(FINEST, max(least, 1 - math.floor(math.log10(width))))


def _fixed(value: float, places: int | None) -> str:
    if places is None or not math.isfinite(value) or value == int(value) or abs(value) >= 1e6:
        return number(value)
    return _signed(f"{value:,.{places}f}")


def interval_text(of: Interval | None, unit: str = "") -> str:
    """An interval in brackets, with its level if that is not 95 %."""
    if of is None:
        return ""
    level = "" if of.level == 0.95 else f" at {decimals(of.level * 100)} %"
    return interval(of.low, of.high, unit) + level


def seconds(value: float) -> str:
    """A duration in seconds or minutes, rounded."""
    if not math.isfinite(value):
        return "unknown"
    if value >= 120:
        return f"{value / 60:.0f} min"
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"


def shape(dimensions: Sequence[int | None] | None) -> str:
    """An output shape without its first axis (the rows): "28 × 28 × 32"; "?" for an unknown size."""
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


def width(text: str) -> int:
    """The width in characters; those of East Asian scripts are twice as wide."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def cut(text: str, length: int) -> str:
    """`text`; if it is wider than `length`, its middle is replaced by "…"."""
    if width(text) <= length:
        return text
    head = (length - 1) * 2 // 3
    return f"{_start(text, head)}…{_start(text[::-1], length - 1 - head)[::-1]}"


def _start(text: str, length: int) -> str:
    """As much of the beginning as `length` holds."""
    while width(text) > length:
        text = text[: max(length // 2, len(text) - (width(text) - length + 1) // 2)]
    return text


def halved(text: str, length: int) -> tuple[str, ...]:
    """`text` in one line, in two (broken after a space, hyphen, underscore or slash), or cut if neither fits."""
    if width(text) <= length:
        return (text,)
    ends = [place + 1 for place, sign in enumerate(text) if sign in " -_/"]
    fitting = [end for end in ends if width(text[:end].rstrip()) <= length and width(text[end:]) <= length]
    if not fitting:
        return (cut(text, length),)
    end = min(fitting, key=lambda end: abs(2 * end - len(text)))
    return text[:end].rstrip(), text[end:]


def listed(words: Sequence[str], limit: int = 6) -> str:
    """Words as a list: "a, b and c"; words beyond `limit` are counted."""
    if len(words) > limit:
        return f"{', '.join(words[:limit])} and {len(words) - limit} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def counted(count: int, noun: str) -> str:
    """ "1 check", "3 checks"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
