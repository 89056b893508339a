"""Rows of token ids as numbers: bags of tokens, and what the order of the tokens adds."""

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import Array
from diagnose.measuring.padding import trailing_zeros
from diagnose.subject import Rows

MOST_ORDERED = 1_000  # most frequent tokens, and pairs of neighbours, whose order is told


def bags(rows: Rows, like: Rows, most: int) -> Array:
    """Return log(1 + count) of each of the `most` most frequent tokens of `like`, [rows, tokens]."""
    kept = _frequent(like, most)
    place, known = _places(_flat(rows), kept)
    row = np.broadcast_to(np.arange(len(rows))[:, None], place.shape)
    counts = np.zeros((len(rows), len(kept)))
    np.add.at(counts, (row[known], place[known]), 1.0)
    return np.log1p(counts)


def order(rows: Rows, like: Rows) -> Array:
    """Return where the most frequent tokens of `like` stand, and which pairs of neighbours there are, [rows, columns].

    A token's column is 1 if the row begins with it, less the later it first occurs, and 0 without it. So a linear model
    can tell which of two tokens comes first, and, by the pairs (0 or 1), what stands beside what.
    """
    kept = _frequent(like, MOST_ORDERED)
    tokens, like = _flat(rows), _flat(like)
    place, known = _places(tokens, kept)
    first = np.zeros((len(rows), len(kept)))
    for step in range(tokens.shape[1] - 1, -1, -1):
        at = np.flatnonzero(known[:, step])
        first[at, place[at, step]] = 1 - step / tokens.shape[1]
    pairs = _frequent(_pairs(like, kept), MOST_ORDERED)
    found = np.zeros((len(rows), len(pairs)))
    if tokens.shape[1] > 1:
        pair, seen = _places(_pairs(tokens, kept), pairs)
        at_row, at_step = np.nonzero(seen)
        found[at_row, pair[at_row, at_step]] = 1.0
    return np.concatenate([first, found], axis=1)


def reordered(rows: Rows, seed: int) -> Rows:
    """Return the tokens of each row in another order, the padding at its end left in place."""
    rng = np.random.default_rng([seed, 6])
    padded = trailing_zeros(rows)
    drawn = np.where(padded, 2.0 + np.arange(rows.shape[1]), rng.random(rows.shape))
    return np.take_along_axis(rows, drawn.argsort(axis=1), axis=1)


def _flat(rows: Rows) -> Rows:
    return rows.reshape(len(rows), -1)


def _frequent(tokens: Rows, most: int) -> Rows:
    """The most frequent tokens, sorted."""
    found, counts = np.unique(tokens, return_counts=True)
    return np.sort(found[np.argsort(-counts, kind="stable")[:most]])


def _places(tokens: Rows, kept: Rows) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The place of each token among the kept ones, and whether it is one of them."""
    if not len(kept):
        return np.zeros(tokens.shape, np.int64), np.zeros(tokens.shape, bool)
    place = np.clip(np.searchsorted(kept, tokens), 0, len(kept) - 1)
    return place, np.asarray(kept[place] == tokens)


def _pairs(tokens: Rows, kept: Rows) -> Rows:
    """A number for each pair of neighbours of kept tokens, -1 for other pairs, [rows, steps - 1]."""
    place, known = _places(tokens, kept)
    both = known[:, :-1] & known[:, 1:]
    return np.where(both, place[:, :-1] * len(kept) + place[:, 1:], -1)
