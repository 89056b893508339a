"""Padded positions of token inputs, and what the targets hold there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Padding:
    """One token input whose rows end in zeros, on train, over `rows` sampled rows.

    `share` (0 to 1) of its positions are padding: zeros after the last other token. `positions`: the output has a
    target for each of them. `masked`: a mask or a weight of 0 hides them from the loss, or, where a row has a single
    target, some layer masks them. `recurrent`: a recurrent layer reads them. `label`: the class that (almost) all
    padded positions have; None: they have several, or no target. `elsewhere`: the share of the other positions that
    have it.
    """

    input: str
    output: str
    rows: int
    share: float
    masked: bool
    recurrent: bool
    positions: bool
    label: int | None = None
    elsewhere: float | None = None
