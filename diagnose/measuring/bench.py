"""The bench of one examination: working copies, fresh weights, samples and batches."""

import logging
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from diagnose.loading.signatures import packed
from diagnose.measurements import NotMeasured
from diagnose.measuring import copying
from diagnose.settings import Settings
from diagnose.subject import BATCH_SIZE, Rows, Seen, Split, Subject, Task

TRAINING_ROWS = 20_000  # most rows in short trainings; a few hundred steps do not need more
TRAINING_BYTES = 256 * 2**20  # most bytes of their inputs and targets
DEV_ROWS = 1_000  # +- 1.4 points at 5 % error, enough for curves
HELD_OUT = 0.2  # share of train that is held out if the user gave no other split

Structure = Any  # an array, or a list or dict of arrays, as the model expects
Batch = tuple[Structure, Structure, Rows | None]  # inputs, targets, sample weights


class Bench:
    """Context manager that gives instruments access to a subject without changing it.

    Instruments run on a working copy (same layers, own variables, the user's loss and optimizer settings). If the
    model cannot be rebuilt, they run on the user's model, which is restored bit for bit after each use.
    The random states of Python, NumPy and the backend are restored when the bench closes.

    `scale` is the share of its full size (1, 0.5, 0.25, 0.1) at which an instrument runs; the planner sets it.
    `cache` holds what instruments share, such as compiled functions.
    """

    def __init__(self, subject: Subject, settings: Settings) -> None:
        self.subject = subject
        self.settings = settings
        self.scale = 1.0
        self._fresh: dict[int, copying.Weights] = {}
        self.cache: dict[str, Any] = {}
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

    def finally_do(self, action: Callable[[], object]) -> None:
        """Do something when the bench closes."""
        self._open.callback(action)

    # --- models ----------------------------------------------------------------------------------

    @contextmanager
    def at(self, seed: int | None) -> Iterator[Any]:
        """Yield a compiled model holding the loaded weights (`seed` None) or fresh ones drawn from `seed`.

        It is the same object every time, so that functions compiled for it can be cached. Pretrained parts (frozen
        layers with weights, nested `keras.applications` models) have the loaded weights at every seed.

        Raises:
            NotMeasured: fresh weights cannot be drawn for this model.
        """
        if isinstance(self._copy, NotMeasured):
            with self._users_model(seed) as model:
                yield model
            return
        self._copy.set_weights(self._loaded if seed is None else self.weights(seed))
        copying.seed_generators(self._copy, seed or 0)
        yield self._copy

    def weights(self, seed: int | None) -> copying.Weights:
        """Return loaded (None) or fresh weights in the order of `model.weights`.

        Raises:
            NotMeasured: fresh weights cannot be drawn for this model.
        """
        if seed is None:
            return self._loaded
        if seed not in self._fresh:
            self._fresh[seed] = self._draw(seed)
        return self._fresh[seed]

    @cached_property
    def rebuilt(self) -> bool:
        """Whether there is a working copy; else the user's model is used, and restored afterwards."""
        return not isinstance(self._copy, NotMeasured)

    @cached_property
    def pretrained(self) -> tuple[str, ...]:
        """Paths of the pretrained layers, which have the loaded weights at every seed."""
        return self._preserved[1]

    @cached_property
    def fine_tuned(self) -> bool:
        """Whether a pretrained part is trainable. Its initial weights are then unknown."""
        preserved = {id(self.subject.model.weights[i]) for i in self._preserved[0]}
        return any(id(variable) in preserved for variable in self.subject.model.trainable_variables)

    @cached_property
    def _preserved(self) -> tuple[frozenset[int], tuple[str, ...]]:
        return copying.preserved_weights(self.subject.model)

    @cached_property
    def _loaded(self) -> copying.Weights:
        return [np.array(weight) for weight in self.subject.model.get_weights()]

    @cached_property
    def factory(self) -> copying.Factory | None:
        """What makes the copies, where the config does not: the user's own function; None: the config does."""
        return self.subject.factory if isinstance(self._from_config, NotMeasured) else None

    @cached_property
    def _from_config(self) -> Any:
        """The copy that is rebuilt from the config, or the reason why there is none."""
        return self._copied(None)

    @cached_property
    def _copy(self) -> Any:
        """The working copy, or the reason why there is none."""
        return self._from_config if self.factory is None else self._copied(self.factory)

    def _copied(self, factory: copying.Factory | None) -> Any:
        model = self.subject.model
        try:
            copy = copying.copy_model(model, self.settings.seed, factory=factory)
            copying.compile_like(copy, model)
            copy.set_weights(self._loaded)
            self._compare(model, copy)
        except NotMeasured as reason:
            return reason
        except Exception as error:  # noqa: BLE001 - a third-party layer may raise anything
            return NotMeasured(f"the model cannot be rebuilt ({type(error).__name__}: {error})", copying.REBUILD)
        return copy

    def _compare(self, model: Any, copy: Any) -> None:
        """Check that the copy computes the same; a config may be incomplete."""
        inputs, _, _ = self.batch(self.subject.train, np.arange(min(2, self.subject.train.rows)))
        for ours, theirs in zip(_flat(copy(inputs, training=False)), _flat(model(inputs, training=False)), strict=True):
            if not np.allclose(ours, theirs, rtol=1e-3, atol=1e-5, equal_nan=True):
                raise NotMeasured(
                    "the model cannot be rebuilt from its config: the copy gives other outputs", copying.REBUILD
                )

    @contextmanager
    def _users_model(self, seed: int | None) -> Iterator[Any]:
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
            fresh = copying.copy_model(model, seed, factory=self.factory).get_weights()
        else:
            with guard(model):
                copying.reinitialize(model, seed)
                fresh = [np.array(weight) for weight in model.get_weights()]
        return self.with_preserved_weights(fresh)

    def with_preserved_weights(self, fresh: copying.Weights) -> copying.Weights:
        """Replace the fresh weights of pretrained and adapted layers with the loaded ones."""
        if [w.shape for w in fresh] != [w.shape for w in self._loaded]:
            return fresh
        pairs = zip(self._loaded, fresh, strict=True)
        return [old if place in self._preserved[0] else new for place, (old, new) in enumerate(pairs)]

    # --- data ------------------------------------------------------------------------------------

    def sample(self, split: Split, rows: int) -> NDArray[np.int64]:
        """Return at most `rows` sorted row numbers of `split`, seeded, stratified by the classes of the outputs."""
        if rows >= split.rows:
            return np.arange(split.rows)
        generator = np.random.default_rng([self.settings.seed, zlib.crc32(split.name.encode())])
        return _stratified(self.strata(split), rows, generator)

    def strata(self, split: Split) -> NDArray[np.int64]:
        """Return the stratum of each row: the classes that it has, for outputs with one label a row."""
        tasks = [output.task for output in self.subject.outputs]
        classes = [_classes(target, task) for target, task in zip(split.targets, tasks, strict=True)]
        known = [of for of in classes if of is not None]
        if not known:
            return np.zeros(split.rows, dtype=np.int64)
        joint = np.unique(np.stack(known, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
        _, first = np.unique(joint, return_index=True)
        return np.argsort(np.argsort(first))[joint]  # numbered as they appear: the order of the outputs does not matter

    def batch(self, split: Split, index: NDArray[np.int64]) -> Batch:
        """Return inputs, targets and sample weights of these rows, in the structure of the model and its loss.

        Floating-point numbers have Keras's default precision, as in `fit`.
        """
        import keras

        model = self.subject.model
        floatx = keras.config.floatx()
        inputs = [_as_fed(rows[index], floatx) for rows in split.inputs]
        targets = [_as_fed(rows[index], floatx) for rows in split.targets]
        weight = None if split.sample_weight is None else _as_fed(split.sample_weight[index], floatx)
        return (
            packed(inputs, getattr(model, "_inputs_struct", None), self.subject.input_names),
            packed(targets, getattr(model, "_outputs_struct", None), ()),
            weight,
        )

    def holdout(self) -> tuple[Split, Split]:
        """Return the rows for short trainings, and the rows to evaluate them on, both in memory.

        The second split is the user's dev, else test, else a seeded stratified fifth of train, which is only valid for
        trainings from fresh weights (its `origin` is then "held out from train"). They have at most TRAINING_ROWS rows
        and TRAINING_BYTES bytes, and at most DEV_ROWS rows.
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
        held = _stratified(self.strata(part), size, generator)
        rest = np.setdiff1d(np.arange(part.rows), held)
        dev = replace(_take(part, held, "held out from train"), name="dev", seen=Seen.YES)
        return _take(part, rest if rest.size else held, train.origin), dev

    def _training_rows(self, split: Split) -> int:
        row = sum(int(np.prod(rows.shape[1:])) * rows.dtype.itemsize for rows in (*split.inputs, *split.targets))
        return max(BATCH_SIZE, min(TRAINING_ROWS, TRAINING_BYTES // max(row, 1)))

    @property
    def batch_size(self) -> int:
        """The user's batch size, else Keras's default; at most the number of training rows."""
        return min(self.subject.training.batch_size or BATCH_SIZE, self.holdout()[0].rows)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence TensorFlow's warning about retracing: each of our compiled loops is traced once, by design."""
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


def _classes(rows: Rows, task: Task) -> NDArray[np.int64] | None:
    """The class of each row; None if a row has no label, or several."""
    target = np.asarray(rows)
    if task in (Task.BINARY, Task.MULTICLASS):
        if target.ndim == 2 and target.shape[1] > 1:
            return np.asarray(target.argmax(axis=1), dtype=np.int64)
        if target.size == len(target):
            return np.unique(target.reshape(-1), return_inverse=True)[1].astype(np.int64)
    return None


def _stratified(labels: NDArray[np.int64], rows: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Choose sorted row numbers, `rows` in total, in proportion to the strata (largest remainders)."""
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
