"""Places labels so that they do not overlap: each takes its first free candidate, or is dropped.

Overlaps are checked on the narrowest plot, that of a phone. Positions are in percent and text in px, so labels that
fit there fit on every wider screen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diagnose.reports.numbers import width

NARROW = 230.0  # px: width of a plot on a phone of 360 px
CHARACTER = 6.4  # px: mean width of a character of 12 px text, slightly overestimated
LINE = 14.0  # px: height of a line of text


@dataclass(frozen=True)
class Box:
    """A rectangle in px on the narrow plot; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)


@dataclass(frozen=True)
class Label:
    """Text at `x` percent and `y` px (its baseline), with the SVG text-anchor."""

    text: str
    x: float
    y: float
    anchor: str = "start"

    @property
    def box(self) -> Box:
        wide = width(self.text) * CHARACTER
        left = self.x / 100 * NARROW - {"start": 0.0, "middle": wide / 2, "end": wide}[self.anchor]
        return Box(left, self.y - LINE + 3, left + wide, self.y + 3)


def settle(
    wanted: Iterable[Sequence[Label]], obstacles: Iterable[Box] = (), height: float | None = None
) -> list[Label | None]:
    """For each group of candidates the first label that fits; None if none fits.

    Labels stay inside the width of the plot and, if given, inside `height` px.
    """
    taken = list(obstacles)
    chosen: list[Label | None] = []
    for candidates in wanted:
        free = (label for label in candidates if _inside(label.box, height) and _clear(label.box, taken))
        label = next(free, None)
        chosen.append(label)
        if label is not None:
            taken.append(label.box)
    return chosen


def _inside(box: Box, height: float | None) -> bool:
    flat = box.left >= -1 and box.right <= NARROW + 1
    return flat and (height is None or (box.top >= 0 and box.bottom <= height))


def _clear(box: Box, taken: Sequence[Box]) -> bool:
    return not any(box.overlaps(other) for other in taken)


def trace(points: Sequence[tuple[float, float]], every: float = 3.0) -> list[Box]:
    """Small boxes along a line through points (x in percent, y in px), as obstacles for labels."""
    pixels = [(x / 100 * NARROW, y) for x, y in points]
    boxes = []
    for (x0, y0), (x1, y1) in zip(pixels, pixels[1:] or pixels, strict=False):
        steps = max(1, min(80, int(max(abs(x1 - x0), abs(y1 - y0)) / every)))
        for step in range(steps + 1):
            x, y = x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps
            boxes.append(Box(x - 1, y - 1, x + 1, y + 1))
    return boxes
