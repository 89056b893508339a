"""Trains arms in other processes, through joblib: on this machine (loky), or on a Dask or Ray cluster.

No process is forked: TensorFlow does not survive that. A worker gets the bench as bytes, once, and then one arm at a
time, as a pure function of the user's own plan. It uses as many threads as this process, as the order in which
TensorFlow adds numbers depends on it.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from diagnose.measurements import Array, Backward, LearningRate, Measurements, NotMeasured
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import brief
from diagnose.measuring.planning import Planner
from diagnose.measuring.work import Work
from diagnose.trials.arms import Criterion, Failed, Key, Planned, train
from diagnose.trials.plan import Change, DoesNotApply
from diagnose.where import Where

CACHED = "workers"
START = 15.0  # seconds: two processes that import TensorFlow at once on two cores
LOST = "The machine may lack memory for several processes: pass fewer --jobs."
COPIED = ("KERAS_BACKEND", "TF_ENABLE_ONEDNN_OPTS", "TF_DETERMINISTIC_OPS", "CUDA_VISIBLE_DEVICES")
Task = tuple[Any, tuple[Any, ...]]  # a function of this module, and its last arguments
WATCHED = 1.0  # seconds between two looks at whether the parent of a local worker still lives
BACK = 60  # seconds in which a cluster must have started workers anew


@dataclass(frozen=True)
class Environment:
    """What must be the same in a worker before Keras starts there: variables, and the number of threads.

    `asking` is the process that sends the work, which must not do it itself: an arm may end its process.
    """

    variables: Mapping[str, str]
    threads: int
    asking: str


@dataclass(frozen=True)
class Arm:
    """What a worker is told of an arm: how its own plan comes about, the change of it, and the phrases that result."""

    criterion: Criterion
    measured: Measurements
    steps: int
    change: Change
    changes: Key


# --- the worker -----------------------------------------------------------------------------------------

_bench: dict[str, Bench] = {}  # the last one that was sent, by its hash
_alone = threading.Lock()  # Keras trains one model at a time in a process


def opened(environment: Environment, shipment: Array, name: str) -> str:
    """Open the bench that was sent; return why that is not possible, as a clause ("": it is open)."""
    with _alone:
        try:
            _opened(environment, shipment, name)
        except Exception as error:  # noqa: BLE001 - another machine may lack anything
            return str(error) if isinstance(error, NotMeasured) else brief(error)
    return ""


def trained(environment: Environment, shipment: Array, name: str, number: int, arm: Arm) -> tuple[int, Any]:
    """Train an arm on the bench that was sent; return its number, and its result or `Failed`."""
    from diagnose.trials.paired import plan_of

    with _alone:
        if environment.asking == asking_process():
            raise NotMeasured("there is no worker left", LOST)
        bench = _opened(environment, shipment, name)
        plan = arm.change(plan_of(bench, arm.measured, arm.steps))
        if isinstance(plan, DoesNotApply) or plan.changes != arm.changes:
            return number, Failed("its worker would make another change", LOST)
        return number, train(bench, arm.criterion, plan)


def _opened(environment: Environment, shipment: Array, name: str) -> Bench:
    from diagnose.trials.shipping import unpacked

    if name not in _bench:
        _prepare(environment)
        _close()
        atexit.unregister(_close)
        atexit.register(_close)
        _bench[name] = unpacked(np.asarray(shipment).data)
    return _bench[name]


def _close() -> None:
    while _bench:
        _bench.popitem()[1].__exit__(None, None, None)


def _prepare(environment: Environment) -> None:
    """Make the process like the one that sends the work."""
    os.environ |= dict(environment.variables)
    with suppress(ImportError, RuntimeError):  # it may have run other things before
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(environment.threads)


def _watch(parent: int) -> None:
    """End this process when its parent is gone; called as the process starts."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCHED)
    os._exit(1)


# --- the process that asks ------------------------------------------------------------------------------


class Workers:
    """The workers of one examination. They are started by the first arms, and ended by `close`."""

    def __init__(self, where: Where, bench: Bench, seeds: tuple[int, ...]) -> None:
        """Pack the bench.

        Raises:
            NotMeasured: the model cannot be sent to another process, or no worker can use it.
        """
        from diagnose.trials.shipping import packed

        self._open, self._pool = ExitStack(), ExitStack()
        self._parallel: Any = None
        self._backend = _backend(where, self._open)
        shipment = packed(bench, seeds)
        self._name = hashlib.sha256(shipment).hexdigest()
        self._shipment = np.frombuffer(shipment, np.uint8)
        variables = {name: os.environ[name] for name in COPIED if name in os.environ}
        fixed = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
        self._environment = Environment(variables | fixed, _threads(), asking_process())
        try:
            self.jobs = self._started()
        except BaseException:
            self.close()
            raise

    def _started(self) -> int:
        """Let each worker open the bench; return their number.

        Raises:
            NotMeasured: one cannot.
        """
        from joblib import effective_n_jobs, parallel_config

        with parallel_config(**self._backend):
            jobs = int(effective_n_jobs(None))
        if jobs == 1:  # joblib would run it in this process
            raise NotMeasured("the cluster has one CPU", "Use a larger cluster, or none.")
        try:
            refusals = [why for why in self._map([(opened, ())] * jobs) if why]
        except Exception as error:  # noqa: BLE001 - each kind of cluster has errors of its own
            refusals = [f"no worker could start ({brief(error)})"]
        if refusals:
            raise NotMeasured(refusals[0], LOST)
        return jobs

    def train(self, arms: Sequence[Arm]) -> Iterator[tuple[int, Any]]:
        """Yield the results by the arms' numbers, as they are ready.

        When a worker is lost, what it and the others were training is trained again, one arm after the other, so that
        an arm that ends its worker ends only itself.
        """
        waiting: dict[int, Task] = {number: (trained, (number, arm)) for number, arm in enumerate(arms)}
        try:
            for number, found in self._map(list(waiting.values())):
                del waiting[number]
                yield number, found
        except Exception:  # noqa: BLE001 - each kind of cluster has errors of its own for a lost worker
            self._renew()
        for number, task in list(waiting.items()):
            yield self._tried_alone(number, task)

    def _tried_alone(self, number: int, task: Task) -> tuple[int, Any]:
        """The result of an arm that is trained alone, and once more if its worker is lost."""
        why = ""
        for _ in range(2):
            try:
                [found] = self._map([task])
                return number, found[1]
            except Exception as error:  # noqa: BLE001 - as above
                self._renew()
                why = brief(error)
        return number, Failed(f"its worker was lost twice ({why})", LOST)

    def close(self) -> None:
        """End the local workers, and leave the cluster."""
        self._renew()
        self._open.close()

    def _renew(self) -> None:
        """End the workers that were started; new ones start with the next work."""
        with suppress(Exception):  # some are gone
            self._pool.close()
        self._parallel = None
        if self._backend["backend"] == "loky":
            from joblib.externals.loky import get_reusable_executor

            get_reusable_executor().shutdown(wait=True, kill_workers=True)

    def _map(self, tasks: Sequence[Task]) -> Iterator[Any]:
        from joblib import Parallel, delayed, parallel_config

        if self._parallel is None:
            self._wait()
            # Ray gives results all together; the others give each as soon as it is there.
            how = "list" if self._backend["backend"] == "ray" else "generator_unordered"
            with parallel_config(**self._backend):
                parallel = Parallel(return_as=how, batch_size=1, pre_dispatch="n_jobs")
            self._parallel = self._pool.enter_context(parallel)
        sent = (self._environment, self._shipment, self._name)
        yield from self._parallel(delayed(function)(*sent, *arguments) for function, arguments in tasks)

    def _wait(self) -> None:
        """Wait until more than one worker is there: joblib runs in this process what one alone would do.

        Raises:
            NotMeasured: too few come back.
        """
        from joblib import effective_n_jobs, parallel_config

        with parallel_config(**self._backend):
            for _ in range(BACK):
                if effective_n_jobs(None) > 1:
                    return
                time.sleep(1)
        raise NotMeasured("there is no worker left", LOST)


def workers_of(planner: Planner, seeds: tuple[int, ...]) -> Workers | None:
    """The workers of an examination; None if all trials run in this process.

    That they cannot be used although the user asked for them is recorded as missed, once.
    """
    bench, where = planner.bench, planner.where
    if where.here:
        return None
    if CACHED not in bench.cache:
        try:
            bench.cache[CACHED] = workers = Workers(where, bench, seeds)
            bench.finally_do(workers.close)
        except NotMeasured as reason:
            bench.cache[CACHED] = None
            planner.miss("trials in other processes", f"{reason}; they ran in this one", reason.how)
    found: Workers | None = bench.cache[CACHED]
    return found


def start_of(planner: Planner) -> Work:
    """What starting the workers takes, as far as it counts and is still to be done."""
    waits = planner.by_clock and not planner.where.here and CACHED not in planner.bench.cache
    return Work(seconds=START) if waits else Work()


class ArmsOfTrials:
    """Trains the arms of one set of trials by workers: `arms.Runner`."""

    def __init__(self, workers: Workers, criterion: Criterion, measured: Measurements, steps: int) -> None:
        self.jobs = workers.jobs
        self._workers = workers
        self._criterion, self._steps = criterion, steps
        self._measured: Measurements = {kind: measured[kind] for kind in (LearningRate, Backward) if kind in measured}

    def __call__(self, planned: Sequence[Planned]) -> Iterator[tuple[int, Any]]:
        criterion, measured, steps = self._criterion, self._measured, self._steps
        return self._workers.train([Arm(criterion, measured, steps, one.change, one.plan.changes) for one in planned])


def _backend(where: Where, open_: ExitStack) -> dict[str, Any]:
    """The arguments of joblib's `parallel_config`; a client of a cluster is closed with `open_`."""
    scheme, _, address = where.cluster.partition("://")
    if scheme == "dask":
        from distributed import Client

        options = {"address": f"tcp://{address}"} if address else {"n_workers": where.jobs, "threads_per_worker": 1}
        open_.enter_context(Client(**options, set_as_default=True))
        return {"backend": "dask", "n_jobs": -1}
    if scheme == "ray":
        import ray
        from ray.util.joblib import register_ray

        if not ray.is_initialized():
            here = {"num_cpus": where.jobs, "include_dashboard": False}
            ray.init(log_to_driver=False, **({"address": where.cluster} if address else here))
            open_.callback(ray.shutdown)
        register_ray()
        return {"backend": "ray", "n_jobs": -1}
    return {"backend": "loky", "n_jobs": where.jobs, "initializer": _watch, "initargs": (os.getpid(),)}


def asking_process() -> str:
    """This process, among all of the cluster's machines."""
    return f"{socket.gethostname()} {os.getpid()}"


def _threads() -> int:
    """The number of threads for one operation in this process."""
    with suppress(ImportError):
        import tensorflow as tf

        set_ = tf.config.threading.get_intra_op_parallelism_threads()
        if set_ or os.environ.get("TF_NUM_INTRAOP_THREADS"):
            return int(set_ or os.environ["TF_NUM_INTRAOP_THREADS"])
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
