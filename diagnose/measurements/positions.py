"""How well classes are found where each row has many positions: pixels, time steps, labels."""

from dataclasses import dataclass

from diagnose.findings import Interval


@dataclass(frozen=True)
class Estimate:
    """A share (0 to 1) of positions, with the 95 % interval of a sample of rows: positions of a row are dependent."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class PositionClass:
    """One class: its shares (0 to 1) of the positions, in truth and as predicted, and how well it is found.

    `rows`: rows with at least one position of this class. `precision` is None if the class is never predicted.
    `dice` is 2 TP / (actual + predicted), the F1 score; `iou` is TP / (actual or predicted). For a class that is rarely
    found, `best_dice` is the dice if it were predicted wherever its probability exceeds `threshold`, the best one.
    """

    number: int
    share: float
    predicted: float
    rows: int
    recall: Estimate
    precision: Estimate | None
    iou: Estimate
    dice: Estimate
    best_dice: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Positions:
    """The classes at the positions of `rows` rows with `per_row` positions each, largest class first.

    Only classes that occur are listed, at most the 100 largest; macro values are their plain means. The classes of a
    multi-label output are 0 (a label is off) and 1 (on). `constant_dice`: macro dice of the best constant prediction.
    """

    per_row: int
    rows: int
    classes: tuple[PositionClass, ...]
    macro_recall: Estimate
    macro_iou: Estimate
    macro_dice: Estimate
    constant_dice: float

    @property
    def skill(self) -> float:
        """1 for perfect masks, 0 for the macro dice of the best constant prediction."""
        possible = 1.0 - self.constant_dice
        return 1.0 - (1.0 - self.macro_dice.value) / possible if possible > 0 else 0.0
