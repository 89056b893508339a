"""Summarises rows as a table of numbers, whatever the inputs are: images are pooled, tokens and words counted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import Array
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import token_inputs
from diagnose.measuring.texts import is_text, terms
from diagnose.subject import Rows, Split

CELLS = 8  # cells per axis of a pooled image, and segments of a pooled series
COLUMNS = 300  # most columns of one input
TERMS = 300  # most frequent tokens that are kept


@dataclass(frozen=True)
class Summary:
    """[rows, columns] of finite numbers, with a name for each column."""

    table: Array
    names: tuple[str, ...]


def summaries(bench: Bench, splits: list[tuple[Split, NDArray[np.int64]]]) -> list[Summary]:
    """Summarise the chosen rows of each split in the same columns.

    Raises:
        NotMeasured: an input consists of texts without words.
    """
    tokens = token_inputs(bench.subject.model)
    inputs = range(len(splits[0][0].inputs))
    several = len(inputs) > 1
    columns: list[list[Summary]] = [[] for _ in splits]
    for place in inputs:
        chosen = [np.asarray(split.inputs[place][index]) for split, index in splits]
        names = bench.subject.feature_names if not several else ()
        start = f"{bench.subject.input_names[place]}: " if several and bench.subject.input_names else ""
        if is_text(chosen[0]):
            made = _of_texts(chosen)
        else:
            made = _frequencies(chosen) if place in tokens else [_pooled(rows, names) for rows in chosen]
        for every, one in zip(columns, made, strict=True):
            every.append(Summary(one.table, tuple(start + name for name in one.names)))
    return [
        Summary(np.concatenate([one.table for one in every], axis=1), sum((one.names for one in every), ()))
        for every in columns
    ]


def _frequencies(chosen: list[Rows]) -> list[Summary]:
    """TF-IDF of the most frequent tokens of all rows."""
    from sklearn.feature_extraction.text import TfidfTransformer

    ids, counts = np.unique(np.concatenate([rows.ravel() for rows in chosen]), return_counts=True)
    kept = np.sort(ids[np.argsort(-counts, kind="stable")[:TERMS]])
    tables = []
    for rows in chosen:
        flat = rows.reshape(len(rows), -1)
        place = np.clip(np.searchsorted(kept, flat), 0, len(kept) - 1)
        known = kept[place] == flat
        table = np.zeros((len(rows), len(kept)))
        np.add.at(table, (np.broadcast_to(np.arange(len(rows))[:, None], flat.shape)[known], place[known]), 1.0)
        tables.append(table)
    weigh = TfidfTransformer().fit(np.concatenate(tables))
    names = tuple(f"token {token:g}" for token in kept)
    return [Summary(np.asarray(weigh.transform(table).todense()), names) for table in tables]


def _of_texts(chosen: list[Rows]) -> list[Summary]:
    """TF-IDF of the most frequent words and pairs of words of all rows."""
    tables, names = terms(chosen, np.concatenate([rows.reshape(len(rows), -1) for rows in chosen]), TERMS)
    return [Summary(table, tuple(f'"{name}"' for name in names)) for table in tables]


def _pooled(rows: Rows, names: tuple[str, ...]) -> Summary:
    """Columns as they are; means over the cells of a grid for images, over segments for series, and channel moments."""
    values = np.nan_to_num(np.asarray(rows, np.float64), posinf=0.0, neginf=0.0)
    if values.ndim <= 2:
        table = values.reshape(len(values), -1)
        names = names if len(names) == table.shape[1] else tuple(f"feature {i + 1}" for i in range(table.shape[1]))
        return _few(Summary(table, names))
    if values.ndim == 3 and values.shape[2] > values.shape[1] > CELLS:  # a picture without a channel axis, or as wide
        values = values[..., None]
    axes = tuple(range(1, values.ndim - 1))
    grid = values
    for axis in axes:
        edges = np.unique(np.linspace(0, values.shape[axis], CELLS + 1).astype(int)[:-1])
        sizes = np.diff([*edges, values.shape[axis]])
        shape = [-1 if at == axis else 1 for at in range(values.ndim)]
        grid = np.add.reduceat(grid, edges, axis=axis) / sizes.reshape(shape)
    channels = values.shape[-1]
    moments = (values.mean(axis=axes), values.std(axis=axes))
    table = np.concatenate([*moments, grid.reshape(len(values), -1)], axis=1)
    titles = [f"{moment} of channel {channel + 1}" for moment in ("mean", "spread") for channel in range(channels)]
    titles += [f"part {i + 1}" for i in range(table.shape[1] - len(titles))]
    return _few(Summary(table, tuple(titles)))


def _few(found: Summary) -> Summary:
    if found.table.shape[1] <= COLUMNS:
        return found
    kept = np.linspace(0, found.table.shape[1] - 1, COLUMNS).astype(int)
    return Summary(found.table[:, kept], tuple(found.names[place] for place in kept))
