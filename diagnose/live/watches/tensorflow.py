"""Watches a training on TensorFlow from inside the compiled step, at next to no cost.

During `fit`, `compute_loss` of the model and `apply` of its optimizer are wrapped on the instances. The functions
that `fit` calls are compiled with these wrappers and one of `train_step`. They hand the loss, penalty and gradient
norm of each step to Python, which reads them now and then. The model and its optimizer own none of this, and `close`
restores everything.

In small networks the number of operations in the graph matters: each costs about 0.1 % of a step.
"""

import functools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from diagnose.checks.reading.wording import listed
from diagnose.live.collecting import Collector
from diagnose.live.steps import Origin, Steps
from diagnose.live.watches.tensors import (
    first_broken,
    half_square,
    is_replicated,
    local,
    loss_scale,
    penalty_of,
    plain_loss,
    scaled,
    strategy_of,
    tensors_of,
)
from diagnose.live.watching import PROBE, SEAM
from diagnose.measurements import Array, Unavailable
from diagnose.measuring.copying import own_method
from diagnose.measuring.train_steps import optimizers_of

ITERATORS = (tf.data.Iterator, tf.distribute.DistributedIterator)  # those of `fit`; `train_on_batch` uses others
UNKNOWN, ENDLESS = int(tf.data.UNKNOWN_CARDINALITY), int(tf.data.INFINITE_CARDINALITY)  # batches of a dataset
COLUMNS = 3  # loss, penalty, half the sum of squares of the gradient


class TensorFlowWatch:
    """Watches one model in `fit`; see `diagnose.live.watching.Watch`."""

    def __init__(self, model: Any, on_call: Callable[[int], None], on_failure: Callable[[], None]) -> None:
        self._model = model
        self._on_call = on_call
        self._on_failure = on_failure
        self.train, self.dev = Collector(), Collector()
        self.dev_rows = 0
        self.populations: dict[str, int] = {}
        self.origin: Origin | None = None
        self.gaps: list[Unavailable] = []
        self.compile_seconds = 0.0
        self.averaged = False
        self.total = "loss"
        self.compiled = True
        self._step = _Step()
        self._rows = _Rows()
        self._undo: list[Callable[[], None]] = []
        self._functions: dict[str, tuple[Any, Any]] = {}  # name -> (the model's own, ours)
        with tf.device("CPU:0"):
            self._gates = {"train": _Gate(self.train, every=False), "dev": _Gate(self.dev, every=True)}

    # --- opening and closing --------------------------------------------------------------------

    def open(self) -> None:
        """Wrap the model that `fit` has prepared, before its first step."""
        model = self._model
        _build_optimizer(model)
        self._wrap(model, "compute_loss", self._watched_loss)
        for optimizer in optimizers_of(model):
            self._wrap(optimizer, "apply", self._watched_apply)
        self._exchange("train_function", model.make_train_function, "train")
        self._exchange("test_function", model.make_test_function, "dev")

    def close(self) -> None:
        """Restore the model. The compiled functions are kept, so that another `fit` need not trace again."""
        while self._undo:
            self._undo.pop()()

    def _wrap(self, owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
        method = getattr(owner, name)
        self._undo.append(_replace(owner, name, functools.wraps(method)(wrap(_as_called(owner, name)))))

    def _exchange(self, name: str, make: Callable[..., Any], split: str) -> None:
        model = self._model
        theirs, ours = self._functions.get(name, (None, None))
        present = getattr(model, name)
        if ours is None or (present is not None and present is not theirs):
            with self._making(split) as steps:
                make(force=True)
            made = getattr(model, name)
            setattr(model, name, present)
            if len(steps) != 1:
                self.gaps.append(Unavailable(f"the model overrides how its {name} is made", PROBE))
                return
            ours = self._guarded(made, split, steps[0])
            # The train function comes first. Where `compile` made a new one, it unmade the test function as well, and
            # ours would go on with the loss and metrics of before.
            self._functions.pop("test_function", None)
        self._functions[name] = (present, ours)
        setattr(model, name, ours)

        def undo() -> None:
            if getattr(model, name) is ours:
                setattr(model, name, present)

        self._undo.append(undo)

    @contextmanager
    def _making(self, split: str) -> Iterator[list[Callable[[Any], Any]]]:
        """Make the compiled function use our step, which sees the batches outside of XLA.

        Yields a list that holds this step once the function is made. It stays empty if the model overrides how its
        functions are made.
        """
        model = self._model
        original = getattr(model, SEAM)
        steps: list[Callable[[Any], Any]] = []

        def convert(step: Callable[[Any], Any]) -> Callable[[Any], Any]:
            converted: Callable[[Any], Any] = original(step)

            def watched(data: Any) -> Any:
                self._see_batch(data, split)
                outputs = converted(data)
                if split == "dev":
                    return outputs
                logs, row = outputs
                self._rows.put(row)
                return logs

            steps.append(watched)
            return watched

        wrapped = {SEAM: convert, "train_step": self._watched_train_step(model.train_step)}
        undo = [_replace(model, name, value) for name, value in wrapped.items()]
        try:
            yield steps
        finally:
            for one in undo:
                one()

    def _guarded(self, function: Callable[[Any], Any], split: str, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The function that `fit` calls: reports its steps, and closes the watch after an exception.

        Keras wraps the outputs of a step, so that one of several steps can end early. A single step does not need
        this; leaving it out saves about as much as the watch costs.
        """
        single = tf.function(lambda iterator: step(iterator.get_next()), autograph=False, reduce_retracing=True)
        compiled = self._model.steps_per_execution == 1 and not self._model.run_eagerly

        def run(iterator: Any) -> Any:
            steps = self._model.steps_per_execution
            self._gates[split].before_call(steps, iterator)
            start = time.process_time()
            try:
                logs = (single if compiled and isinstance(iterator, ITERATORS) else function)(iterator)
            except (StopIteration, tf.errors.OutOfRangeError):
                raise
            except BaseException:
                self._on_failure()
                raise
            if split == "train":
                self.compile_seconds = self.compile_seconds or time.process_time() - start
                self._on_call(steps)
            return logs

        return run

    # --- inside the step --------------------------------------------------------------------------

    def _watched_train_step(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def train_step(data: Any) -> Any:
            with self._step.begun(data):
                logs = original(data)
                self._take_reported(logs)
                return logs, self._step.row()  # with several replicas, Keras averages both

        return train_step

    def _take_reported(self, logs: Any) -> None:
        """Take the loss from the logs if the model's own `train_step` does not call `compute_loss`."""
        if self._step.loss is not None:
            return
        found = [name for name in logs if str(name).endswith("loss")] if isinstance(logs, dict) else []
        total = "loss" if "loss" in found else found[0] if len(found) == 1 else ""
        if not total:
            reports = f"reports {listed(found, 6)} and no total" if found else "reports no loss"
            how = 'Return the total as "loss" from train_step, with a name of its own for each part.'
            self.gaps.append(Unavailable(f"the model's own train_step {reports}", how))
            return
        self._step.loss = tf.reduce_mean(tf.cast(logs[total], tf.float32))
        self.total, self.compiled = total, False
        self.averaged = any(metric.name == total for metric in self._model.metrics)
        how = "Call self.compute_loss in train_step to have the loss of each step."
        self.gaps.append(Unavailable(f"the model's own train_step does not call compute_loss: {total} is read", how))

    def _watched_loss(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def compute_loss(*args: Any, **kwargs: Any) -> Any:
            loss = original(*args, **kwargs)
            if self._step.running and self._step.loss is None:
                self._step.loss = plain_loss(loss)
                self._step.penalty = penalty_of(self._model)
                if self._can_look_inside():
                    return self._looked_at(loss)
            return loss

        return compute_loss

    def _watched_apply(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def apply(gradients: Any, variables: Any = None) -> Any:
            if self._step.running:
                known = [gradient for gradient in gradients if gradient is not None]
                self._step.halves += [half_square(gradient) for gradient in known]
                self._step.scale = loss_scale(self._model.optimizer)
            return original(gradients, variables)

        return apply

    def _can_look_inside(self) -> bool:
        return not self._model.jit_compile and strategy_of(self._model).num_replicas_in_sync == 1

    def _looked_at(self, loss: Any) -> Any:
        """The loss. If it is not finite, search for the first non-finite layer before the weights change.

        The gradient waits for the search, so that it runs with the same batch and the same weights.
        """
        structure, tensors = tensors_of(self._step.data)
        if tensors is None:
            return loss

        def look(*arrays: Any) -> bool:
            if self.origin is None:
                x, _, _ = keras.utils.unpack_x_y_sample_weight(keras.tree.pack_sequence_as(structure, list(arrays)))
                self.origin = first_broken(self._model, x)
            return True

        def waiting(value: Any) -> tuple[Any, Callable[[Any], Any]]:
            finite = tf.reduce_all(tf.math.is_finite(value))
            looked = tf.cond(finite, lambda: False, lambda: tf.py_function(look, tensors, tf.bool))

            def gradient(upstream: Any) -> Any:
                with tf.control_dependencies([looked]):
                    return tf.identity(upstream)

            return tf.identity(value), gradient

        return tf.custom_gradient(waiting)(loss)

    # --- around the step ----------------------------------------------------------------------------

    def _see_batch(self, data: Any, split: str) -> None:
        gate = self._gates[split]
        gate.replicated = is_replicated(data)
        structure, flat = tensors_of(tf.nest.map_structure(local, data) if is_replicated(data) else data)
        if flat is None:
            self.gaps.append(Unavailable(f"the {split} rows are not plain tensors", PROBE))
            return

        def take(*arrays: Any) -> bool:
            gate.take(structure, [array.numpy() for array in arrays])
            return True

        tf.cond(gate.open, lambda: tf.py_function(take, flat, tf.bool), lambda: False)

    # --- read from Python -----------------------------------------------------------------------------

    def read(self) -> Steps:
        """The steps since the last reading, oldest first."""
        rows = self._rows.take()
        return Steps(rows[:, 0], rows[:, 1], np.sqrt(2 * rows[:, 2]))

    def stop_collecting(self, split: str) -> None:
        """Stop taking rows; keep those collected."""
        gate = self._gates[split]
        gate.close()
        population = gate.population()
        if population is not None:
            self.populations[split] = population
        if split == "dev":
            self.dev_rows = gate.rows


class _Gate:
    """Decides which batches of a split are handed to Python. The compiled step only reads `open`.

    For train these are the batches that the collector needs; for dev all of the first validation, to count its rows.
    """

    def __init__(self, collector: Collector, every: bool) -> None:
        self.open = tf.Variable(True, trainable=False)
        self.rows = 0  # handed over so far
        self._collector = collector
        self._every = every
        self._is_open, self._closed = True, False
        self._number = 0  # of the next batch
        self._batches = UNKNOWN  # of the whole dataset
        self.replicated = False  # whether only the rows of one device are seen

    def before_call(self, batches: int, iterator: Any) -> None:
        """Open or close the gate for the next call of a compiled function, which takes this many batches."""
        if self._closed:
            return
        if self._number == 0:
            self._batches = _cardinality(iterator)
        due = self._every or -self._number % self._collector.stride < batches
        if due is not self._is_open:
            self._is_open = due
            self.open.assign(due)
        if not due:
            self._number += batches

    def take(self, structure: Any, arrays: list[Any]) -> None:
        self.rows += len(arrays[0])
        self._collector.offer(self._number, structure, arrays)
        self._number += 1

    def close(self) -> None:
        self._closed = True
        self.open.assign(False)

    def population(self) -> int | None:
        """The total number of rows, after one pass over them; None if they cannot be counted.

        If not every batch was handed over, the last one is assumed to be as large as the others.
        """
        if self.replicated or self._batches == ENDLESS:
            return None
        every = self._every or self._collector.stride == 1
        if every and self._batches <= self._number:
            return self.rows
        return max(self._number, self._batches) * (self._collector.batch_size or 0)


class _Step(threading.local):
    """State shared by the wrappers of one step while it is traced or run eagerly; each replica has its own thread."""

    def __init__(self) -> None:
        self.running = False
        self.forget()

    def forget(self) -> None:
        self.data: Any = None
        self.loss: Any = None
        self.penalty: Any = None
        self.halves: list[Any] = []  # half the sum of squares of each gradient
        self.scale: Any = 1.0

    @contextmanager
    def begun(self, data: Any) -> Iterator[None]:
        self.forget()
        self.running, self.data = True, data
        try:
            yield
        finally:
            self.running = False
            self.forget()

    def row(self) -> Any:
        """The values recorded for this step: [COLUMNS]."""
        unknown = tf.constant(np.nan, tf.float32)
        half = scaled(scaled(tf.add_n(self.halves), 1 / self.scale), 1 / self.scale) if self.halves else unknown
        loss = unknown if self.loss is None else self.loss
        return tf.stack([loss, self.penalty if self.penalty is not None else tf.constant(0.0), half])


class _Rows:
    """Passes the recorded values of the steps from the compiled function to Python."""

    def __init__(self) -> None:
        self._staged = {"dtypes": [tf.float32], "shared_name": f"diagnose {uuid.uuid4()}"}

    def put(self, row: Any) -> None:
        """Add the values of one step, [COLUMNS], from inside the compiled function."""
        with tf.device("CPU:0"):
            tf.raw_ops.Stage(values=[row], shared_name=self._staged["shared_name"])

    def take(self) -> Array:
        """The rows added since the last call: [steps, COLUMNS]."""
        with tf.device("CPU:0"):
            rows = [tf.raw_ops.Unstage(**self._staged)[0].numpy() for _ in range(tf.raw_ops.StageSize(**self._staged))]
        return np.array(rows, np.float64).reshape(-1, COLUMNS)


def _cardinality(iterator: Any) -> int:
    """Number of batches in its dataset; may be `ENDLESS` or `UNKNOWN`."""
    dataset = getattr(iterator, "_dataset", None)
    return UNKNOWN if dataset is None else int(dataset.cardinality())


# --- Attributes of an instance ----------------------------------------------------------------------


def _replace(owner: Any, name: str, value: Any) -> Callable[[], None]:
    """Set an attribute of this instance, bypassing Keras's tracking. Returns a function that restores it."""
    own = vars(owner).get(name)  # set on the instance by the user
    object.__setattr__(owner, name, value)

    def undo() -> None:
        if own is None:
            object.__delattr__(owner, name)
        else:
            object.__setattr__(owner, name, own)

    return undo


def _as_called(owner: Any, name: str) -> Callable[..., Any]:
    """The method that the owner has when it is called: a look into the model exchanges it on the class."""
    own = vars(owner).get(name)
    return own if own is not None else lambda *args, **kwargs: getattr(type(owner), name)(owner, *args, **kwargs)


# --- Before the first step ----------------------------------------------------------------------------


def _build_optimizer(model: Any) -> None:
    """Create the optimizer's variables now, as Keras does for a restored model.

    Creating them while the step is traced would take as long as watching the step. Skipped for a model with its own
    `train_step`, which may pass other variables to its optimizer.
    """
    optimizer = getattr(model, "optimizer", None)
    if (
        own_method(model, "train_step")
        or not model.built
        or not isinstance(optimizer, keras.optimizers.Optimizer)
        or optimizer.built
    ):
        return
    with strategy_of(model).scope(), keras.name_scope(optimizer.name, caller=optimizer):
        optimizer.build(model.trainable_variables)
