"""What layers that number words or categories let through."""

from dataclasses import dataclass, field

from diagnose.findings import Interval


@dataclass(frozen=True)
class Told:
    """What a linear model tells of an output on held-out rows: from all words, and from those that get through a layer.

    Errors are error rates (0 to 1) or RMSE in units of the target; `lost` is the paired 95 % interval of the second
    minus the first, of squared errors for regression. Skills are 1 at best and 0 for the best constant prediction.
    """

    output: str
    error: float
    skill: float
    kept_error: float
    kept_skill: float
    lost: Interval
    rows: int


@dataclass(frozen=True)
class LookupLayer:
    """A layer that numbers words, categories or integers, over `tokens` tokens of sampled training rows.

    `unknown` is the share of the tokens (0 to 1) that get the number for unknown words, or share their bin of hashes
    with another word. `length` is the number of tokens that the layer keeps of a row (None: all), `dropped` the share
    of the tokens behind it. `by_vocabulary` and `by_length` show what each loses for the output that loses most; None
    if less than 5 % of the tokens are concerned, or no linear model could be fitted.
    """

    path: str
    kind: str
    entries: int
    tokens: int
    unknown: float
    length: int | None
    dropped: float
    by_vocabulary: Told | None
    by_length: Told | None


@dataclass(frozen=True)
class Words:
    """The layers that number words and take an input of the model; the same held-out rows for all of them.

    `read` has what the first of them makes of the texts that the report shows, by split and number of the row: the
    words that it keeps, unknown ones as "[UNK]".
    """

    layers: tuple[LookupLayer, ...]
    read: dict[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)
