"""Measures how much of the words or categories gets through the layers that number them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from diagnose.intervals import paired_interval
from diagnose.measurements import (
    DOES_NOT_APPLY,
    Array,
    Evaluation,
    LookupLayer,
    Measurements,
    NotMeasured,
    SplitScores,
    Told,
    Words,
)
from diagnose.measuring.baseline import constant_of, splits_compared
from diagnose.measuring.bench import Bench
from diagnose.measuring.candidates import Table, candidates, fitted, labels
from diagnose.measuring.network import describe
from diagnose.measuring.scoring import row_errors, score
from diagnose.measuring.work import Work
from diagnose.subject import Output, Rows, Split, Task

KINDS = frozenset({"TextVectorization", "StringLookup", "IntegerLookup", "Hashing"})
UNKNOWN = "[UNK]"
FEW = 0.05  # share of the tokens; if fewer are lost, nothing is fitted
TERMS = 2_000  # most frequent words that the linear model sees
SECONDS = 4.0  # of the reference machine, for three fits

Tokens = list[list[str]]


@dataclass(frozen=True)
class _Lookup:
    """One layer with the place of the input that it reads."""

    path: str
    layer: Any
    place: int
    numeric: bool  # whether its cells are integers

    @property
    def kind(self) -> str:
        return type(self.layer).__name__

    @property
    def length(self) -> int | None:
        cut = getattr(self.layer, "_output_sequence_length", None)
        return int(cut) if cut and getattr(self.layer, "_output_mode", "") == "int" else None

    def tokens(self, rows: Rows) -> Tokens:
        """The words of each row, as the layer separates them; the cells of categories."""
        if self.kind == "TextVectorization":
            ragged = self.layer._preprocess(np.asarray(rows, object).astype(str).reshape(len(rows), -1)[:, 0])
            listed = ragged.to_list() if hasattr(ragged, "to_list") else [[text] for text in ragged.numpy()]
            return [[_text(word) for word in row] for row in listed]
        return [[_text(cell) for cell in row] for row in rows.reshape(len(rows), -1).tolist()]

    def kept(self, words: Sequence[str]) -> dict[str, str]:
        """What the layer makes of each of these words."""
        if self.kind == "Hashing":
            given = np.array(words, np.int64 if self.numeric else None)
            bins = np.asarray(self.layer(given[:, None])).reshape(len(words), -1)  # a number, or a one for its bin
            chosen = bins.argmax(axis=1) if bins.shape[1] > 1 else bins[:, 0]
            return {word: f"bin {number}" for word, number in zip(words, chosen, strict=True)}
        known = {_text(word) for word in self.layer.get_vocabulary(include_special_tokens=False)}
        known.add(_text(getattr(self.layer, "mask_token", "")))  # a cell without a value
        return {word: word if word in known else UNKNOWN for word in words}


def words(bench: Bench, measured: Measurements) -> Words:
    """Compare, for each layer that numbers words, linear models of all words and of those that it lets through."""
    found = list(_lookups(bench))
    if not found:
        raise NotMeasured("no layer numbers words or categories of an input", DOES_NOT_APPLY)
    train, held, _ = splits_compared(bench)
    evaluation = measured.get(Evaluation)
    layers = tuple(_layer(bench, lookup, train, held) for lookup in found)
    return Words(layers, _read(bench, found[0], evaluation if isinstance(evaluation, Evaluation) else None))


def words_work(bench: Bench, measured: Measurements) -> Work:
    """Return the work of `words`."""
    return Work(seconds=SECONDS * len(list(_lookups(bench))))


def _read(bench: Bench, lookup: _Lookup, evaluation: Evaluation | None) -> dict[tuple[str, int], tuple[str, ...]]:
    """What the layer makes of the texts that the report shows: some of train, and those with the largest losses."""
    shown = [(bench.subject.train, row) for row in bench.subject.train.first]
    judged = [] if evaluation is None else [evaluation.train, evaluation.dev]
    worst = {scores.split: scores.worst for scores in judged if isinstance(scores, SplitScores)}
    shown += [(split, row) for split in bench.subject.splits for row in worst.get(split.name, ())]
    rows = lookup.tokens(
        np.concatenate([np.asarray(split.inputs[lookup.place][row : row + 1]) for split, row in shown])
    )
    kept = lookup.kept(sorted({word for words in rows for word in words}))
    return {
        (split.name, row): tuple(kept[word] for word in words[: lookup.length])
        for (split, row), words in zip(shown, rows, strict=True)
    }


def _lookups(bench: Bench) -> Iterator[_Lookup]:
    inputs = [id(tensor) for tensor in getattr(bench.subject.model, "inputs", None) or ()]
    for part in describe(bench)[0].parts:
        layer = part.inner
        if type(layer).__name__ not in KINDS or getattr(layer, "invert", False) or not layer._inbound_nodes:
            continue
        tensor = layer._inbound_nodes[0].arguments.keras_tensors[0]
        if id(tensor) in inputs:
            yield _Lookup(part.path, layer, inputs.index(id(tensor)), "int" in str(tensor.dtype))


def _layer(bench: Bench, lookup: _Lookup, train: Split, held: Split) -> LookupLayer:
    splits = [lookup.tokens(np.asarray(split.inputs[lookup.place])) for split in (train, held)]
    every = sorted({word for rows in splits for row in rows for word in row})
    kept = lookup.kept(every)
    count = sum(map(len, splits[0]))
    lost = _lost(lookup, kept)
    unknown = sum(word in lost for row in splits[0] for word in row) / max(count, 1)
    dropped = sum(max(0, len(row) - lookup.length) for row in splits[0]) / max(count, 1) if lookup.length else 0.0
    renamed = [[[kept[word] for word in row] for row in rows] for rows in splits]
    cut = [[row[: lookup.length] for row in rows] for rows in splits]
    return LookupLayer(
        path=lookup.path,
        kind=lookup.kind,
        entries=len(set(kept.values()) - {UNKNOWN}) if lookup.kind == "Hashing" else _entries(lookup.layer),
        tokens=count,
        unknown=unknown,
        length=lookup.length,
        dropped=dropped,
        by_vocabulary=_told(bench, (train, held), splits, renamed) if unknown >= FEW else None,
        by_length=_told(bench, (train, held), splits, cut) if dropped >= FEW else None,
    )


def _entries(layer: Any) -> int:
    return len(layer.get_vocabulary(include_special_tokens=False))


def _lost(lookup: _Lookup, kept: dict[str, str]) -> set[str]:
    """The words that cannot be told from others behind the layer."""
    if lookup.kind != "Hashing":
        return {word for word, after in kept.items() if after == UNKNOWN}
    ordered = sorted(kept, key=lambda word: kept[word])
    shared = [pair for pair in pairwise(ordered) if kept[pair[0]] == kept[pair[1]]]
    return {word for pair in shared for word in pair}


def _told(bench: Bench, splits: tuple[Split, Split], whole: list[Tokens], through: list[Tokens]) -> Told | None:
    """The output that loses most."""
    known = [
        (place, output)
        for place, output in enumerate(bench.subject.outputs)
        if output.task is not Task.OWN_LOSS and splits[0].targets[place].size == len(splits[0].targets[place])
    ]
    tables = _counts(whole), _counts(through)
    found = [_of_output(bench, output, splits, place, tables) for place, output in known]
    return max((told for told in found if told is not None), key=lambda told: told.lost.low, default=None)


def _of_output(
    bench: Bench, output: Output, splits: tuple[Split, Split], place: int, tables: tuple[list[Array], list[Array]]
) -> Told | None:
    y, y_held = (np.asarray(split.targets[place]) for split in splits)
    if output.task.classifies and len(np.unique(labels(output, y))) < 2:
        return None
    reference = constant_of(output, y)
    scores, errors = [], []
    for x, x_held in tables:
        _, make = candidates(output, Table(x, y, x_held, y_held), bench.settings.seed)[0]
        predicted = fitted(output, make(), x, y)(x_held)
        scores.append(score(output, y_held, predicted, reference))
        errors.append(row_errors(output, y_held, predicted, reference))
    difference = errors[1] - errors[0]
    difference = difference[np.isfinite(difference)]
    return Told(
        output=output.name,
        error=scores[0].error,
        skill=scores[0].skill,
        kept_error=scores[1].error,
        kept_skill=scores[1].skill,
        lost=paired_interval(difference),
        rows=len(difference),
    )


def _counts(splits: list[Tokens]) -> list[Array]:
    """log(1 + count) of the most frequent words of train, [rows, words]; at least one column."""
    from sklearn.feature_extraction.text import CountVectorizer

    if not any(row for row in splits[0]):
        return [np.zeros((len(rows), 1)) for rows in splits]
    counter = CountVectorizer(analyzer=list, max_features=TERMS, dtype=np.float64).fit(splits[0])
    return [np.log1p(np.asarray(counter.transform(rows).todense())) for rows in splits]


def _text(cell: Any) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
