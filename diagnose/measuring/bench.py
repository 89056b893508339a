"""Where the user's model is put to be measured: working copies, fresh weights, samples and batches."""

import logging
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import NotMeasured
from diagnose.measuring import copying
from diagnose.settings import Settings
from diagnose.subject import Rows, Seen, Split, Subject, Task

TRAINING_ROWS = 20_000  # at most so many rows take part in short trainings: a few hundred steps see no more
TRAINING_BYTES = 256 * 2**20  # and at most so many bytes of inputs and targets
DEV_ROWS = 1_000  # +- 1.4 points at 5 % error; curves are judged dozens of times and need no more
HELD_OUT = 0.2  # share of train that is kept from training where the user gave no other split
BATCH_SIZE = 32  # Keras's default, where the user's is unknown

Structure = Any  # an array, or a list or dict of arrays, as the model takes it
Batch = tuple[Structure, Structure, Rows | None]  # inputs, targets, sample weights


class Bench:
    """One subject laid out for measuring; a context manager.

    Everything runs on a working copy (same layers, own variables, the user's own loss and optimizer settings).
    Where the model cannot be rebuilt, it is the user's own object, restored bit for bit after each use.
    Python's, NumPy's and the backend's random states are as before when the bench closes.

    `scale` is the share of its full size (1, 0.5, 0.25) that the running instrument may take; the planner sets it.
    """

    def __init__(self, subject: Subject, settings: Settings) -> None:
        self.subject = subject
        self.settings = settings
        self.scale = 1.0
        self._fresh: dict[int, copying.Weights] = {}
        self.kept: dict[str, Any] = {}  # what instruments keep for each other: compiled functions
        self._open = ExitStack()

    def __enter__(self) -> Self:
        from diagnose.measuring.state import guard

        self._open.enter_context(guard(self.subject.model))
        self._open.enter_context(_quiet())
        _seed_everything(self.settings.seed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    # --- models ----------------------------------------------------------------------------------

    @contextmanager
    def at(self, seed: int | None) -> Iterator[Any]:
        """Yield a compiled model holding the loaded weights (`seed` None) or fresh ones drawn from `seed`.

        It is one and the same object every time, so compiled functions of it can be kept. Pretrained parts (frozen
        layers with weights, nested `keras.applications` models) keep the loaded weights at every seed.

        Raises:
            NotMeasured: there are no fresh weights for this model.
        """
        if isinstance(self._copy, NotMeasured):
            with self._own_object(seed) as model:
                yield model
            return
        self._copy.set_weights(self._loaded if seed is None else self.weights(seed))
        copying.seed_generators(self._copy, seed or 0)
        yield self._copy

    def weights(self, seed: int | None) -> copying.Weights:
        """Return loaded (None) or fresh weights in the order of `model.weights`.

        Raises:
            NotMeasured: there are no fresh weights for this model.
        """
        if seed is None:
            return self._loaded
        if seed not in self._fresh:
            self._fresh[seed] = self._draw(seed)
        return self._fresh[seed]

    @cached_property
    def rebuilt(self) -> bool:
        """Whether there is a working copy (else the user's own object is used under guard)."""
        return not isinstance(self._copy, NotMeasured)

    @cached_property
    def pretrained(self) -> tuple[str, ...]:
        """Paths of the layers that keep the loaded weights when the model starts afresh."""
        return self._kept[1]

    @cached_property
    def fine_tuned(self) -> bool:
        """Whether some pretrained part is trainable: a start from its loaded weights is no fresh start."""
        kept = {id(self.subject.model.weights[i]) for i in self._kept[0]}
        return any(id(variable) in kept for variable in self.subject.model.trainable_variables)

    @cached_property
    def _kept(self) -> tuple[frozenset[int], tuple[str, ...]]:
        return copying.kept_weights(self.subject.model)

    @cached_property
    def _loaded(self) -> copying.Weights:
        return [np.array(weight) for weight in self.subject.model.get_weights()]

    @cached_property
    def _copy(self) -> Any:
        """The working copy, or why there is none."""
        model = self.subject.model
        try:
            copy = copying.copy_model(model, self.settings.seed)
            copying.compile_like(copy, model)
            copy.set_weights(self._loaded)
            self._compare(model, copy)
        except NotMeasured as reason:
            return reason
        except Exception as error:  # noqa: BLE001 - whatever a third-party layer raises, the own object still works
            return NotMeasured(f"the model cannot be rebuilt ({type(error).__name__}: {error})", copying.REBUILD)
        return copy

    def _compare(self, model: Any, copy: Any) -> None:
        """A config may leave things out: both must compute the same."""
        inputs, _, _ = self.batch(self.subject.train, np.arange(min(2, self.subject.train.rows)))
        for ours, theirs in zip(_flat(copy(inputs, training=False)), _flat(model(inputs, training=False)), strict=True):
            if not np.allclose(ours, theirs, rtol=1e-3, atol=1e-5, equal_nan=True):
                raise NotMeasured(
                    "the model cannot be rebuilt from its configuration (it computes something else)", copying.REBUILD
                )

    @contextmanager
    def _own_object(self, seed: int | None) -> Iterator[Any]:
        from diagnose.measuring.state import guard

        model = self.subject.model
        with guard(model):
            if seed is not None:
                model.set_weights(self.weights(seed))
            copying.seed_generators(model, seed or 0)
            yield model

    def _draw(self, seed: int) -> copying.Weights:
        from diagnose.measuring.state import guard

        model = self.subject.model
        if self.rebuilt:
            fresh = copying.copy_model(model, seed).get_weights()
        else:
            with guard(model):
                copying.draw_again(model, seed)
                fresh = [np.array(weight) for weight in model.get_weights()]
        return self.keep(fresh)

    def keep(self, fresh: copying.Weights) -> copying.Weights:
        """Return fresh weights of a copy with the loaded ones in the places of pretrained and adapted layers."""
        if [w.shape for w in fresh] != [w.shape for w in self._loaded]:
            return fresh
        pairs = zip(self._loaded, fresh, strict=True)
        return [old if place in self._kept[0] else new for place, (old, new) in enumerate(pairs)]

    # --- data ------------------------------------------------------------------------------------

    def sample(self, split: Split, rows: int) -> NDArray[np.int64]:
        """Return at most `rows` sorted row numbers of `split`, seeded, stratified by the first output's class."""
        if rows >= split.rows:
            return np.arange(split.rows)
        generator = np.random.default_rng([self.settings.seed, zlib.crc32(split.name.encode())])
        return _stratified(strata(split, self.subject.outputs[0].task), rows, generator)

    def batch(self, split: Split, index: NDArray[np.int64]) -> Batch:
        """Return inputs, targets and sample weights of these rows, in the structure the model and its loss take.

        Floating numbers come in Keras's default precision, as `fit` would feed them; all else as it is.
        """
        import keras

        model = self.subject.model
        floatx = keras.config.floatx()
        inputs = [_as_fed(rows[index], floatx) for rows in split.inputs]
        targets = [_as_fed(rows[index], floatx) for rows in split.targets]
        weight = None if split.sample_weight is None else _as_fed(split.sample_weight[index], floatx)
        return (
            _packed(inputs, getattr(model, "_inputs_struct", None), self.subject.input_names),
            _packed(targets, getattr(model, "_outputs_struct", None), ()),
            weight,
        )

    def holdout(self) -> tuple[Split, Split]:
        """Return the rows that short trainings use and those that judge them, both in memory.

        The second split is the user's dev, else test, else a seeded stratified fifth of train, which serves only
        trainings from fresh weights (its `origin` is then "held out from train"). At most TRAINING_ROWS rows and
        TRAINING_BYTES bytes, and DEV_ROWS rows.
        """
        return self._holdout

    @cached_property
    def _holdout(self) -> tuple[Split, Split]:
        train = self.subject.train
        judge = self.subject.dev or self.subject.test
        if judge is not None:
            chosen = self.sample(train, self._training_rows(train))
            return _take(train, chosen, train.origin), _take(judge, self.sample(judge, DEV_ROWS), judge.name)
        chosen = self.sample(train, self._training_rows(train))
        part = _take(train, chosen, train.origin)
        generator = np.random.default_rng([self.settings.seed, 1])
        size = min(DEV_ROWS, max(1, round(HELD_OUT * part.rows)))
        held = _stratified(strata(part, self.subject.outputs[0].task), size, generator)
        rest = np.setdiff1d(np.arange(part.rows), held)
        dev = replace(_take(part, held, "held out from train"), name="dev", seen=Seen.YES)
        return _take(part, rest if rest.size else held, train.origin), dev

    def _training_rows(self, split: Split) -> int:
        row = sum(int(np.prod(rows.shape[1:])) * rows.dtype.itemsize for rows in (*split.inputs, *split.targets))
        return max(BATCH_SIZE, min(TRAINING_ROWS, TRAINING_BYTES // max(row, 1)))

    @property
    def batch_size(self) -> int:
        """The user's batch size, or Keras's default, but no more than there are training rows."""
        return min(self.subject.training.batch_size or BATCH_SIZE, self.holdout()[0].rows)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep TensorFlow from warning of many traces: each compiled loop of ours is traced once, by design."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _seed_everything(seed: int) -> None:
    import keras

    keras.utils.set_random_seed(seed)


def _as_fed(rows: Rows, floatx: str) -> Rows:
    rows = np.asarray(rows)
    return rows.astype(floatx, copy=False) if np.issubdtype(rows.dtype, np.floating) else rows


def _packed(arrays: list[Rows], structure: Any, names: tuple[str, ...]) -> Structure:
    """Pack arrays, given in the flat order of `structure`, as the model takes them."""
    import keras

    if structure is not None and len(keras.tree.flatten(structure)) == len(arrays):
        return keras.tree.pack_sequence_as(structure, arrays)
    if len(arrays) == 1:
        return arrays[0]
    return dict(zip(names, arrays, strict=True)) if len(names) == len(arrays) else arrays


def _flat(outputs: Any) -> list[Rows]:
    import keras

    return [np.asarray(keras.ops.convert_to_numpy(tensor)) for tensor in keras.tree.flatten(outputs)]


def _take(split: Split, index: NDArray[np.int64], origin: str) -> Split:
    return replace(
        split,
        inputs=tuple(np.asarray(rows[index]) for rows in split.inputs),
        targets=tuple(np.asarray(rows[index]) for rows in split.targets),
        sample_weight=None if split.sample_weight is None else np.asarray(split.sample_weight[index]),
        origin=origin,
    )


def strata(split: Split, task: Task) -> NDArray[np.int64]:
    """Return the stratum of each row: its class for binary and multi-class targets of one label, else all the same."""
    target = np.asarray(split.targets[0])
    if task in (Task.BINARY, Task.MULTICLASS):
        if target.ndim == 2 and target.shape[1] > 1:
            return np.asarray(target.argmax(axis=1), dtype=np.int64)
        if target.size == split.rows:
            return np.unique(target.reshape(-1), return_inverse=True)[1].astype(np.int64)
    return np.zeros(split.rows, dtype=np.int64)


def _stratified(labels: NDArray[np.int64], rows: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Choose `rows` of them, each stratum by its share (largest remainders), sorted."""
    _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    share = counts * rows / labels.size
    quota = np.floor(share).astype(np.int64)
    left = rows - int(quota.sum())
    quota[np.argsort(-(share - quota), kind="stable")[:left]] += 1
    order = generator.permutation(labels.size)
    order = order[np.argsort(place[order], kind="stable")]
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    chosen = [order[start : start + take] for start, take in zip(starts, quota, strict=True)]
    return np.sort(np.concatenate(chosen)).astype(np.int64)
