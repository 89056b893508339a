"""Describes the splits: statistics of inputs and targets, repeated rows, rows shared between splits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import (
    DEV,
    Array,
    Dataset,
    Feeding,
    InputStatistics,
    Measurements,
    SplitStatistics,
    TargetStatistics,
    Twins,
    Unavailable,
)
from diagnose.measuring.bench import Bench
from diagnose.measuring.network import describe
from diagnose.measuring.padding import padding
from diagnose.measuring.row_order import order_of
from diagnose.measuring.scoring import columns_are_classes
from diagnose.measuring.split_keys import group_overlaps, time_orders
from diagnose.measuring.walking import Part, Walk, kernels
from diagnose.subject import Output, Rows, Split, Task

CELLS = 20_000_000  # most cells of one split that are read
FEWEST_ROWS = 256
TARGETS = 1_000_000  # most rows of targets that are read
FEATURES = 10_000
CLASSES = 1_000
QUANTILE_CELLS = 1_000_000
CHUNK = 4_000_000  # cells converted to float64 at a time
HASHED_ROWS = 100_000  # most rows of one split that are compared with others; all with --rows all
IMAGE_CHANNELS = (1, 3, 4)
CLASS_PROBABILITIES = 1e-3  # tolerance of the sum of a row of probabilities
HOW_TO_SPLIT = {
    "dev": DEV,
    "test": "Pass rows that were not used for any decision: --test PATH.",
    "train-dev": "Hold out a tenth of train in your next training, and pass it as the split train_dev.",
}


def dataset(bench: Bench, measured: Measurements) -> Dataset:
    """Describe every split.

    Inputs are read on a seeded, stratified sample of at most `settings.rows` rows and CELLS cells, targets on at most
    TARGETS rows, which bounds the cost for memory-mapped files. Rows are compared by hashes of their values in single
    precision, on a seeded random sample of the same size, at most HASHED_ROWS; on all rows if `settings.rows` is None.
    """
    subject = bench.subject
    feeds = _feeds(bench)
    hashes = {split.name: _sampled_hashes(bench, split) for split in subject.splits}
    bench.cache["training inputs"] = np.unique(hashes["train"].inputs)
    described = {split.name: _split(bench, split, feeds, hashes[split.name]) for split in subject.splits}

    def get(name: str) -> SplitStatistics | Unavailable:
        return described.get(name, no_split(name.replace("_", "-")))

    return Dataset(
        train=described["train"],
        dev=get("dev"),
        test=get("test"),
        train_dev=get("train_dev"),
        shared_rows={name: _shared(found, hashes["train"]) for name, found in hashes.items() if name != "train"},
        groups=group_overlaps(subject),
        times=time_orders(subject),
        padding=padding(bench, described["train"].inputs),
        order=_order(bench),
    )


def _order(bench: Bench) -> Feeding | None:
    """How the first target is ordered in train; None of a sample, or of rows with many positions."""
    train = bench.subject.train
    target = train.targets[0]
    if not train.whole or not bench.subject.labelled or target.ndim > 2:
        return None
    return order_of(target, bench.batch_size, bench.settings.seed)


def no_split(name: str) -> Unavailable:
    """Return the `Unavailable` of a split that was not given: "dev", "test" or "train-dev"."""
    return Unavailable(f"there is no {name} split", HOW_TO_SPLIT[name])


def _split(bench: Bench, split: Split, feeds: list["_Feed"], hashes: "_Hashes") -> SplitStatistics:
    index = bench.sample(split, _rows_to_read(bench, split))
    names = bench.subject.input_names or tuple(f"input {i + 1}" for i in range(len(split.inputs)))
    features = bench.subject.feature_names if len(split.inputs) == 1 else ()
    outputs = bench.subject.outputs
    return SplitStatistics(
        name=split.name,
        rows=split.rows,
        rows_used=len(index),
        seen=split.seen.value,
        inputs=tuple(
            _input(name, rows, index, feed, features)
            for name, rows, feed in zip(names, split.inputs, feeds, strict=True)
        ),
        targets=tuple(_target(output, rows) for output, rows in zip(outputs, split.targets, strict=True)),
        duplicates=_duplicates(hashes),
        conflicting=_conflicting(hashes),
        outvoted=_outvoted(hashes),
        label_autocorrelation=max(filter(None, map(_autocorrelation, outputs, split.targets)), key=abs, default=None),
        converted=split.converted,
        population=split.population,
        sampled=split.sampled,
        unknown_classes=split.unknown_classes,
    )


def input_kinds(bench: Bench) -> tuple[str, ...]:
    """Return the kind of each input, from a few training rows; see `InputStatistics`."""
    train = bench.subject.train
    index = bench.sample(train, min(FEWEST_ROWS, train.rows))
    return tuple(_input("", rows, index, feed, ()).kind for rows, feed in zip(train.inputs, _feeds(bench), strict=True))


def _rows_to_read(bench: Bench, split: Split) -> int:
    cells = sum(int(np.prod(rows.shape[1:])) for rows in split.inputs)
    most = bench.settings.rows or split.rows
    return max(1, min(split.rows, most, max(FEWEST_ROWS, CELLS // max(cells, 1))))


# --- Inputs -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Feed:
    """The first layer that an input feeds: an embedding (with its vocabulary size) or a convolution over images."""

    vocabulary: int | None = None
    convolution: bool = False


def _feeds(bench: Bench) -> list[_Feed]:
    """The first layer with weights of each input; if the graph is unknown, that of the only input."""
    walked = describe(bench)[0]
    inputs = len(bench.subject.train.inputs)
    sources = [part for part in walked.parts if part.kind == "InputLayer"]
    if not walked.graph_known or len(sources) != inputs:
        return [_feed(list(walked.parts)) if inputs == 1 else _Feed() for _ in range(inputs)]
    by_name = {part.layer.name: part for part in sources}
    names = [str(tensor.name).split(":")[0] for tensor in bench.subject.model.inputs]  # a dict may have other keys
    ordered = [by_name[name] for name in names] if set(names) == set(by_name) else sources
    return [_feed(list(_behind(walked, source))) for source in ordered]


def _behind(walked: Walk, source: Part) -> Iterator[Part]:
    """Yield the parts after a source, up to and including the first parts with weights."""
    reached = {source.path}
    for part in walked.parts:
        if reached.intersection(part.inbound):
            yield part
            if not part.layer.weights:
                reached.add(part.path)


def _feed(parts: list[Part]) -> _Feed:
    embedding = next((part for part in parts if type(part.inner).__name__ == "Embedding"), None)
    first = next((part for part in parts if kernels(part) or part is embedding), None)
    return _Feed(
        vocabulary=int(embedding.inner.input_dim) if embedding is not None and first is embedding else None,
        convolution=first is not None and "Conv2D" in first.kind,
    )


def _input(name: str, rows: Rows, index: NDArray[np.int64], feed: _Feed, features: tuple[str, ...]) -> InputStatistics:
    shape = tuple(int(size) for size in rows.shape[1:])
    dtype = str(rows.dtype)
    if rows.dtype.kind not in "biuf":
        empty = np.empty(0)
        return InputStatistics(name, "text", shape, dtype, empty, empty, empty, empty, float("nan"), 0, 0)
    grey_image = len(shape) == 2 and feed.convolution
    table = _Columns.of(rows, index, 1 if grey_image or not shape else shape[-1])
    kind = _kind(shape, table, feed)
    return InputStatistics(
        name=name,
        kind=kind,
        shape=shape,
        dtype=dtype,
        mean=table.mean,
        std=table.std,
        low=table.low,
        high=table.high,
        p99=_quantile(rows, index),
        non_finite=table.non_finite,
        constant=int(np.count_nonzero(table.low == table.high)) if len(index) > 1 else 0,
        vocabulary=feed.vocabulary if kind == "tokens" else None,
        feature_names=features if len(features) == len(table.mean) else (),
    )


def _kind(shape: tuple[int, ...], table: "_Columns", feed: _Feed) -> str:
    if feed.vocabulary is not None:
        return "tokens"
    if (len(shape) == 3 and shape[-1] in IMAGE_CHANNELS) or (len(shape) == 2 and feed.convolution):
        return "image"
    if len(shape) == 2:
        return "sequence"
    return "binary" if table.binary else "dense"


@dataclass(frozen=True)
class _Columns:
    """Statistics by column, of finite cells only; nan for columns without finite cells."""

    mean: Array
    std: Array
    low: Array
    high: Array
    non_finite: int
    binary: bool

    @staticmethod
    def of(rows: Rows, index: NDArray[np.int64], columns: int) -> "_Columns":
        """Compute them in two passes over the sampled rows, a chunk at a time."""
        count, total, low, high = 0.0, 0.0, np.inf, -np.inf
        non_finite, binary = 0, True
        for cells in _chunks(rows, index, columns):
            finite = np.isfinite(cells)
            count = count + finite.sum(axis=0)
            total = total + cells.sum(axis=0, where=finite)
            low = np.minimum(low, cells.min(axis=0, where=finite, initial=np.inf))
            high = np.maximum(high, cells.max(axis=0, where=finite, initial=-np.inf))
            non_finite += int(finite.size - np.count_nonzero(finite))
            binary = binary and bool(((cells == 0) | (cells == 1) | ~finite).all())
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.asarray(total / count)
            squares = sum(
                np.square(cells - mean).sum(axis=0, where=np.isfinite(cells)) for cells in _chunks(rows, index, columns)
            )
            std = np.sqrt(squares / count)
        empty = np.asarray(count) == 0
        return _Columns(mean, std, np.where(empty, np.nan, low), np.where(empty, np.nan, high), non_finite, binary)


def _chunks(rows: Rows, index: NDArray[np.int64], columns: int) -> Iterator[Array]:
    """Yield [cells, columns] in float64, with at most FEATURES columns, evenly chosen."""
    step = max(1, CHUNK // max(1, int(np.prod(rows.shape[1:]))))
    chosen = np.linspace(0, columns - 1, FEATURES).astype(int) if columns > FEATURES else slice(None)
    for start in range(0, len(index), step):
        part = np.asarray(rows[index[start : start + step]], np.float64)
        yield part.reshape(-1, columns)[:, chosen]


def _quantile(rows: Rows, index: NDArray[np.int64]) -> float:
    """99th percentile of |x| over finite cells of evenly chosen rows."""
    cells = max(1, int(np.prod(rows.shape[1:])))
    few = index[:: max(1, len(index) * cells // QUANTILE_CELLS)]
    values = np.abs(np.asarray(rows[few], np.float64)).ravel()
    values = values[np.isfinite(values)]
    return float(np.quantile(values, 0.99)) if values.size else float("nan")


# --- Targets ----------------------------------------------------------------------------------------


def _target(output: Output, rows: Rows) -> TargetStatistics:
    cells = max(1, int(np.prod(rows.shape[1:])))
    values = np.asarray(rows[_evenly(len(rows), max(1, min(TARGETS, CELLS // cells)))])
    layout = _layout(output, values)
    table = values.reshape(-1, values.shape[-1]) if layout in ("one-hot", "multi-hot", "probabilities") else None
    numbers = np.asarray(values, np.float64).reshape(len(values), -1)
    finite = np.isfinite(numbers)
    classes, counts = _classes(layout, numbers, table)
    by_column = numbers if layout == "numbers" else numbers.reshape(-1, 1)
    known = np.isfinite(by_column)
    hot = None if table is None or layout == "probabilities" else (table > 0.5).sum(axis=-1)
    return TargetStatistics(
        output=output.name,
        layout=layout,
        shape=tuple(int(size) for size in rows.shape[1:]),
        dtype=str(rows.dtype),
        rows=len(values),
        classes=classes,
        counts=counts,
        mean=np.nanmean(np.where(known, by_column, np.nan), axis=0) if known.any() else np.full(1, np.nan),
        std=np.nanstd(np.where(known, by_column, np.nan), axis=0) if known.any() else np.full(1, np.nan),
        low=by_column.min(axis=0, where=known, initial=np.inf),
        high=by_column.max(axis=0, where=known, initial=-np.inf),
        non_finite=int(finite.size - np.count_nonzero(finite)),
        non_integer=_non_integer(numbers) if layout == "integers" else 0,
        many_hot=0.0 if hot is None else float(np.mean(hot >= 2)),
        no_hot=0.0 if hot is None else float(np.mean(hot == 0)),
    )


def _layout(output: Output, values: Rows) -> str:
    if not output.task.classifies:
        return "numbers"
    if output.task is not Task.MULTILABEL and not columns_are_classes(output, values):
        return "integers"
    if np.isin(values, (0, 1)).all():
        return "one-hot" if (values.sum(axis=-1) == 1).all() else "multi-hot"
    inside = bool(((values >= 0) & (values <= 1)).all())
    sums_to_one = inside and bool((np.abs(values.sum(axis=-1) - 1) < CLASS_PROBABILITIES).all())
    return "probabilities" if sums_to_one else "multi-hot" if inside else "numbers"


def _classes(layout: str, numbers: Array, table: Rows | None) -> tuple[tuple[float, ...], tuple[int, ...]]:
    if layout == "integers":
        found, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
        return tuple(float(value) for value in found[:CLASSES]), tuple(int(count) for count in counts[:CLASSES])
    if table is None or layout == "probabilities":
        return (), ()
    sums = (table > 0.5).sum(axis=0)
    return tuple(float(column) for column in range(len(sums))), tuple(int(count) for count in sums)


def _non_integer(numbers: Array) -> int:
    with np.errstate(invalid="ignore"):
        return int(((numbers != np.rint(numbers)) & np.isfinite(numbers)).any(axis=1).sum())


def _autocorrelation(output: Output, rows: Rows) -> float | None:
    """Autocorrelation at lag 1 in file order, over at most TARGETS consecutive rows.

    Pearson's correlation for numbers, chance-corrected agreement of neighbours (as Cohen's kappa) for classes.
    """
    if rows.ndim > 2:
        return None
    values = np.asarray(rows[: min(TARGETS, CELLS // max(1, int(np.prod(rows.shape[1:]))))])
    if output.task is not Task.MULTILABEL and output.task.classifies and columns_are_classes(output, values):
        values = values.argmax(axis=-1)
    numbers = np.asarray(values, np.float64).reshape(len(values), -1)
    if numbers.shape[1] != 1 or len(numbers) < 3 or not np.isfinite(numbers).all():
        return None
    series = numbers[:, 0]
    if not output.task.classifies:
        return float(np.corrcoef(series[:-1], series[1:])[0, 1]) if series.std() > 0 else None
    shares = np.unique(series, return_counts=True)[1] / len(series)
    by_chance = float(np.square(shares).sum())
    if by_chance >= 1:
        return None
    return (float(np.mean(series[:-1] == series[1:])) - by_chance) / (1 - by_chance)


# --- Repeated rows ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Hashes:
    """64-bit hashes of inputs and targets, one per row that was read.

    `share` (0 to 1) of all rows were read; None: unknown.
    """

    inputs: NDArray[np.uint64]
    targets: NDArray[np.uint64]
    share: float | None

    @property
    def every(self) -> bool:
        return self.share == 1.0


def _sampled_hashes(bench: Bench, split: Split) -> _Hashes:
    index = _hashed_rows(bench, split)
    total = split.population if split.sampled else split.rows
    share = None if total is None else len(index) / max(total, len(index), 1)
    return _Hashes(_hash(split.inputs, index), _hash(split.targets, index), share)


def _hashed_rows(bench: Bench, split: Split) -> NDArray[np.int64]:
    """Draw rows at random; evenly spaced rows could miss a split that was cut from train at even steps."""
    most = min(HASHED_ROWS, _rows_to_read(bench, split)) if bench.settings.rows else split.rows
    if split.rows <= most:
        return np.arange(split.rows)
    generator = np.random.default_rng([bench.settings.seed, crc32(split.name.encode()), 1])
    return np.sort(generator.choice(split.rows, most, replace=False, shuffle=False))


def _hash(arrays: tuple[Rows, ...], index: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A seeded random linear form over the bits of each row; different rows collide with probability 2 ** -64."""
    total = np.zeros(len(index), np.uint64)
    for number, rows in enumerate(arrays):
        if rows.dtype.kind not in "biuf":
            total += np.array([hash(str(row)) & 0xFFFFFFFFFFFFFFFF for row in rows[index]], np.uint64)
            continue
        cells = max(1, int(np.prod(rows.shape[1:])))
        weights = np.random.default_rng([7, number]).integers(1, 2**63, cells, dtype=np.uint64) | np.uint64(1)
        step = max(1, CHUNK // cells)
        for start in range(0, len(index), step):
            part = np.asarray(rows[index[start : start + step]], np.float32).reshape(-1, cells) + np.float32(0)
            total[start : start + step] += part.view(np.uint32).astype(np.uint64) @ weights
    return total


def rows_in_train(bench: Bench, split: Split, index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of these rows have the inputs of a training row that was read."""
    if "training inputs" not in bench.cache:
        train = bench.subject.train
        bench.cache["training inputs"] = np.unique(_hash(train.inputs, _hashed_rows(bench, train)))
    return np.isin(_hash(split.inputs, index), bench.cache["training inputs"])


def _duplicates(hashes: _Hashes) -> Twins:
    repeats = len(hashes.inputs) - len(np.unique(hashes.inputs))
    return Twins(len(hashes.inputs), repeats, hashes.share, hashes.every)


def _conflicting(hashes: _Hashes) -> Twins:
    """Rows with the inputs of another row, but another target."""
    _, group = np.unique(hashes.inputs, return_inverse=True)
    pairs = np.unique(np.stack([group.astype(np.uint64), hashes.targets], axis=1), axis=0)
    targets_per_group = np.bincount(pairs[:, 0].astype(np.int64), minlength=int(group.max(initial=0)) + 1)
    return Twins(len(group), int(np.count_nonzero(targets_per_group[group] > 1)), hashes.share, hashes.every)


def _outvoted(hashes: _Hashes) -> Twins:
    """Rows whose target is not the most frequent one of the rows with their inputs."""
    _, group = np.unique(hashes.inputs, return_inverse=True)
    pairs, counts = np.unique(np.stack([group.astype(np.uint64), hashes.targets], axis=1), axis=0, return_counts=True)
    most = np.zeros(int(group.max(initial=0)) + 1, np.int64)
    np.maximum.at(most, pairs[:, 0].astype(np.int64), counts)
    return Twins(len(group), len(group) - int(most.sum()), hashes.share, hashes.every)


def _shared(split: _Hashes, train: _Hashes) -> Twins:
    """Rows of a split that are also in train."""
    found = int(np.count_nonzero(np.isin(split.inputs, train.inputs)))
    return Twins(len(split.inputs), found, train.share, split.every)


def _evenly(rows: int, most: int) -> Any:
    """At most `most` evenly spaced row numbers."""
    return np.linspace(0, rows - 1, most).astype(np.int64) if rows > most else np.arange(rows)
