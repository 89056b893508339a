"""Draws the architecture like a version history: one row per layer, branches in lanes side by side."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from diagnose.diagnosis import LayerRow
from diagnose.reports.svg import tag

FIRST = 14.0  # px: middle of the first lane
PITCH = 14.0  # px from lane to lane
WIDEST = 42.0  # px from the first to the last lane at most; more lanes are closer together
LANES = 4  # number of track widths in the style sheet


@dataclass(frozen=True)
class Rail:
    """The lanes of one row, numbered from the left. `lane`: of its node; `above`, `below`: in use before and after."""

    lane: int
    above: frozenset[int]
    into: frozenset[int]  # lanes of `above` that feed the node
    through: frozenset[int]  # lanes of `above` that go on to a later layer
    below: frozenset[int]


def rails(rows: Sequence[LayerRow]) -> list[Rail]:
    """Lay out the rows, which must be in call order. A layer keeps its lane until the last layer that it feeds.

    If no connections are known, all rows share one lane.
    """
    if not any(row.inbound for row in rows):
        return [_in_line(place, len(rows) - 1) for place in range(len(rows))]
    left = Counter(path for row in rows for path in row.inbound)
    lanes: list[str | None] = []
    laid = []
    for row in rows:
        above = _active(lanes)
        into = frozenset(lane for lane in above if lanes[lane] in row.inbound)
        for lane in into:
            left[lanes[lane] or ""] -= 1
        ended = sorted(lane for lane in into if left[lanes[lane] or ""] == 0)
        for lane in ended:
            lanes[lane] = None
        through = _active(lanes)
        lane = ended[0] if ended else _free(lanes)
        lanes[lane] = row.path if left[row.path] else None
        laid.append(Rail(lane, above, into, through, _active(lanes)))
    return laid


def _in_line(place: int, last: int) -> Rail:
    one, none = frozenset({0}), frozenset[int]()
    above = one if place else none
    return Rail(0, above, above, none, one if place < last else none)


def _active(lanes: Sequence[str | None]) -> frozenset[int]:
    return frozenset(lane for lane, path in enumerate(lanes) if path is not None)


def _free(lanes: list[str | None]) -> int:
    """The first unused lane, or a new one."""
    if None not in lanes:
        lanes.append(None)
    return lanes.index(None)


@dataclass(frozen=True)
class Track:
    """The number of lanes. `known`: whether the lines are known connections or only the call order."""

    lanes: int
    known: bool

    @property
    def style(self) -> str:
        """The CSS class for the width of the track."""
        return f"lanes-{min(self.lanes, LANES)}"

    def x(self, lane: int) -> float:
        """px from the left."""
        pitch = min(PITCH, WIDEST / max(1, self.lanes - 1))
        return FIRST + pitch * lane

    def row(self, rail: Rail, node: Markup, style: str) -> Markup:
        """The track of one layer; `node` is drawn around 0, 0."""
        lines = [self._line(lane, lane, 0, 100) for lane in sorted(rail.through)]
        lines += [self._line(lane, rail.lane, 0, 50) for lane in sorted(rail.into)]
        lines += [self._line(rail.lane, rail.lane, 50, 100)] if rail.lane in rail.below else []
        placed = tag("svg", node, x=self.x(rail.lane), y="50%", class_=f"free {style}")
        return _track("", *lines, placed)

    def heading(self, first: Rail, last: Rail) -> Markup:
        """The track beside the heading of a block, for the open and the closed state."""
        opened = [self._line(lane, lane, 0, 100) for lane in sorted(first.above)]
        lanes = sorted(first.above | last.below)
        closed = [
            self._line(lane, lane, 0 if lane in first.above else 50, 100 if lane in last.below else 50)
            for lane in lanes
        ]
        across = [self._line(min(lanes), max(lanes), 50, 50)] if len(lanes) > 1 and first.above != last.below else []
        box = tag("rect", class_="ho", x=-8.0, y=-6.0, width=16, height=12, rx=3)
        stack = tag(
            "svg", box, tag("path", class_="ln thin", d="M-4 -2h8M-4 2h8"), x=self.x(first.lane), y="50%", class_="free"
        )
        return _track("opened", *opened) + _track("closed", *closed, *across, stack)

    def _line(self, start: int, end: int, top: int, bottom: int) -> Markup:
        style = "axis" if self.known else "axis order"
        return tag("line", class_=style, x1=self.x(start), x2=self.x(end), y1=f"{top}%", y2=f"{bottom}%")


def _track(style: str, *marks: Markup) -> Markup:
    return tag("div", tag("svg", *marks, aria_hidden="true"), class_=f"g {style}".rstrip())


def track(rows: Sequence[LayerRow], laid: Sequence[Rail]) -> Track:
    """A track wide enough for all lanes used at once."""
    used = max((max(rail.above | rail.below | {rail.lane}) for rail in laid), default=0)
    return Track(used + 1, any(row.inbound for row in rows))
