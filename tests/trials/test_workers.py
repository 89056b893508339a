"""Trials in other processes: the same results, none lost with a worker, and none trained twice."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import diagnose
from diagnose.checks.reading.remaining import Remaining
from diagnose.diagnosis import Diagnosis
from diagnose.errors import InputError
from diagnose.loading import LoadOptions, subject_from
from diagnose.loading.custom import custom_objects
from diagnose.measurements import NotMeasured
from diagnose.measuring import planner_for
from diagnose.measuring.bench import Bench
from diagnose.measuring.evaluation import evaluation
from diagnose.settings import Settings
from diagnose.subject import Subject
from diagnose.trials import keeping, shipping
from diagnose.trials.arms import Arms, Criterion, Failed, Here, Planned
from diagnose.trials.arms import train as train_here
from diagnose.trials.dev_error import DevError
from diagnose.trials.interventions.data import STANDARDISE_INPUTS
from diagnose.trials.interventions.generalising import DROPOUT, WEIGHT_DECAY
from diagnose.trials.interventions.structure import HALF_THE_UNITS
from diagnose.trials.joining import Trial
from diagnose.trials.keeping import KeptInFile, kept_in
from diagnose.trials.paired import plan_of
from diagnose.trials.plan import Change, TrainingPlan, unchanged
from diagnose.trials.planning import try_remedies
from diagnose.trials.train_skill import TrainSkill
from diagnose.trials.workers import Arm, ArmsOfTrials, Environment, Workers, asking_process, trained
from diagnose.where import Where, where_from
from tests.trials.test_planning import ONLY, UNSCALED

ROOT = Path(__file__).parents[2]
STEPS = 40
INTERVENTIONS = (STANDARDISE_INPUTS, DROPOUT, HALF_THE_UNITS, WEIGHT_DECAY)


def subject() -> Subject:
    keras.utils.set_random_seed(0)
    stack = [layers.Dense(16, "relu"), layers.Dropout(0.1), layers.Dense(8, "relu"), layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((6,)), *stack])
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    generator = np.random.default_rng(0)
    x = (30 * generator.normal(size=(240, 6))).astype("float32")
    y = (x[:, 1] > 0).astype("int64") + (x[:, 2] > 0)
    return subject_from(model, (x[:180], y[:180]), (x[180:], y[180:]), options=LoadOptions(batch_size=16))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(subject(), Settings()) as opened:
        yield opened


@pytest.fixture(scope="module")
def criteria(bench: Bench) -> tuple[Criterion, ...]:
    score = evaluation(bench, {}).train.scores[0]
    return TrainSkill(), DevError(Remaining(score, None, None), 1)


def own(bench: Bench) -> TrainingPlan:
    return plan_of(bench, {}, STEPS)


def planned(bench: Bench) -> list[Planned]:
    plan = own(bench)
    made = [(one.change, one.change(plan)) for one in INTERVENTIONS]
    return [
        Planned(unchanged, plan),
        *(Planned(change, found) for change, found in made if isinstance(found, TrainingPlan)),
    ]


def deadly(flag: Path, always: bool = False) -> Change:
    """A change that kills its process, at the first time or always."""

    def change(plan: TrainingPlan) -> TrainingPlan:
        if always or not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return plan.changed(flag.name)

    return change


def results(train: Any, arms: Sequence[Planned]) -> dict[tuple[str, ...], Any]:
    return {arms[number].key: found for number, found in train(arms)}


def same(one: Any, other: Any) -> bool:
    """Whether two arms are equal bit for bit."""
    return keeping.as_text(one) == keeping.as_text(other)


@contextmanager
def loky() -> Iterator[Where]:
    yield Where(jobs=2)


@contextmanager
def dask() -> Iterator[Where]:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield Where(cluster=cluster.scheduler_address.replace("tcp://", "dask://"))


@contextmanager
def ray() -> Iterator[Where]:
    module = pytest.importorskip("ray", reason="the extra `cluster` is not installed")
    module.init(
        num_cpus=2, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}}
    )
    try:
        yield Where(cluster="ray://")
    finally:
        module.shutdown()


@pytest.fixture(scope="module", params=[loky, dask, ray], ids=lambda place: place.__name__)
def workers(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Workers]:
    with request.param() as where:
        found = Workers(where, bench, own(bench).seeds)
        assert found.jobs == 2
        yield found
        found.close()


def test_workers_find_what_this_process_finds(workers: Workers, bench: Bench, criteria: tuple[Criterion, ...]) -> None:
    for criterion in criteria:
        here = results(Here(bench, criterion), planned(bench))
        there = results(ArmsOfTrials(workers, criterion, {}, STEPS), planned(bench))
        assert here.keys() == there.keys() and len(here) == 1 + len(INTERVENTIONS)
        assert all(same(here[key], there[key]) for key in here)


@pytest.mark.slow
def test_a_lost_worker_costs_no_trial_unless_the_trial_ends_it_again(
    workers: Workers, bench: Bench, tmp_path: Path
) -> None:
    plan, criterion = own(bench), TrainSkill()
    once, always = tmp_path / "once", tmp_path / "always"
    arms = [
        Planned(unchanged, plan),
        Planned(deadly(once), plan.changed("once")),
        Planned(deadly(always, always=True), plan.changed("always")),
        Planned(DROPOUT.change, planned(bench)[2].plan),
    ]
    found = results(ArmsOfTrials(workers, criterion, {}, STEPS), arms)
    assert once.exists() and always.exists()
    lost = found.pop(arms[2].key)
    assert isinstance(lost, Failed) and "lost twice" in lost.why
    here = results(Here(bench, criterion), [arms[0], arms[3]])
    assert same(found[arms[0].key], here[arms[0].key]) and same(found[arms[1].key], here[arms[0].key])
    assert same(found[arms[3].key], here[arms[3].key])


def test_the_process_that_asks_never_does_the_work_of_a_worker(bench: Bench, tmp_path: Path) -> None:
    """It would end with an arm that ends its process: joblib runs here what the only worker left would do."""
    arm = Arm(TrainSkill(), {}, STEPS, deadly(tmp_path / "flag"), ("flag",))
    with pytest.raises(NotMeasured, match="no worker left"):
        trained(Environment({}, 1, asking_process()), np.zeros(0, np.uint8), "", 0, arm)
    assert not (tmp_path / "flag").exists()


def test_a_worker_refuses_other_weights(bench: Bench) -> None:
    shipped = shipping._shipment(bench, (0, 1))
    assert shipping.unpacked(shipping._pickled(shipped)).rebuilt
    other = replace(shipped, weights=[weight + 1 for weight in shipped.weights])
    with pytest.raises(NotMeasured, match="starting weights"):
        shipping.unpacked(shipping._pickled(other))
    with pytest.raises(NotMeasured, match="other outputs"):
        shipping.unpacked(shipping._pickled(replace(shipped, outputs=(shipped.outputs[0] + 1,))))


OWN_CODE = """
import keras

class Doubling(keras.layers.Layer):
    def call(self, x):
        return twice(x)

def twice(x):
    return 2 * x

@keras.saving.register_keras_serializable()
def steep(x):
    return keras.ops.tanh(3 * x)

class Far(keras.losses.Loss):
    def __init__(self, power):
        super().__init__()
        self.power = power

    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** self.power, axis=-1)
"""


RECEIVE = """
import sys
from diagnose.trials import keeping, shipping
from diagnose.trials.paired import plan_of
from diagnose.trials.train_skill import TrainSkill

bench = shipping.unpacked(sys.stdin.buffer.read())
model = bench.subject.model
print(type(model.loss).__name__, model.loss.power, [layer.trainable for layer in model.layers])
print(keeping.as_text(TrainSkill().train(bench, plan_of(bench, {}, 20))))
"""


def test_the_users_own_code_travels(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN_CODE)
    mine = custom_objects(tmp_path / "mine.py")
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, activation=mine["steep"])], name="inner")
    inner.trainable = False
    source = keras.Input((4,))
    result = layers.Dense(1)(layers.Lambda(lambda x: x + 1)(mine["Doubling"]()(inner(source))))
    model = keras.Model(source, result)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model.compile(keras.optimizers.SGD(schedule, momentum=0.5), mine["Far"](3))
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    of = subject_from(model, (x, x[:, :1]), options=LoadOptions(batch_size=8))
    with Bench(of, Settings()) as bench:
        sent = shipping.packed(bench, (0,))
        here = TrainSkill().train(bench, plan_of(bench, {}, 20))
    (tmp_path / "mine.py").unlink()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", RECEIVE], input=sent, stdout=subprocess.PIPE, cwd=tmp_path, env=environment, check=True
    )
    told, arm = found.stdout.decode().splitlines()
    assert told == f"Far 3 {[layer.trainable for layer in model.layers]}"
    assert arm == keeping.as_text(here)


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.head = layers.Dense(3, "softmax")

    def call(self, x: Any) -> Any:
        return self.head(x)


def test_a_model_that_cannot_be_sent_is_tried_here() -> None:
    of = subject()
    model = Subclassed()
    model.build((None, 6))
    model.compile("sgd", "sparse_categorical_crossentropy")
    with planner_for(replace(of, model=model), Settings(), lambda _: None, where=Where(jobs=2)) as planner:
        effects = try_remedies(planner, {}, [Trial("scale-inputs", STANDARDISE_INPUTS)])
        assert [effect.remedy for effect in effects] == ["scale-inputs"]
        assert [missed.what for missed in planner.missed] == ["trials in other processes"]


# --- the arms that are kept -----------------------------------------------------------------------------


class Counting(Here):
    """Counts the arms that are trained."""

    trained = 0

    def __call__(self, arms: Sequence[Planned]) -> Iterator[tuple[int, Any]]:
        self.trained += len(arms)
        return super().__call__(arms)


def kept_arms(bench: Bench, criterion: Criterion, path: Path) -> tuple[Arms, Counting]:
    runner = Counting(bench, criterion)
    return Arms(lambda: runner, kept_in(path, bench, own(bench), criterion)), runner


def test_what_was_trained_is_not_trained_again(bench: Bench, criteria: tuple[Criterion, ...], tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "trials.sqlite"
    for criterion in criteria:
        first, runner = kept_arms(bench, criterion, path)
        first.train(planned(bench)[:2])
        assert runner.trained == 2
        again, runner = kept_arms(bench, criterion, path)
        again.train(planned(bench)[:3])
        assert runner.trained == 1
        assert all(same(first[one], again[one]) for one in planned(bench)[:2])


def test_what_another_model_found_is_not_used(bench: Bench, tmp_path: Path) -> None:
    criterion, plan = TrainSkill(), own(bench)
    basis = keeping.basis_of(bench, plan, criterion)
    assert basis and basis == keeping.basis_of(bench, plan, criterion)
    changed = replace(plan.train, targets=(plan.train.targets[0][::-1].copy(),))
    others = [replace(plan, train=changed), replace(plan, steps=STEPS + 1), replace(plan, best_rate=0.5)]
    of = subject()
    of.model.layers[0].kernel.assign_add(0.01 * np.ones((6, 16)))
    with Bench(of, Settings()) as moved:
        found = {keeping.basis_of(bench, other, criterion) for other in others}
        found |= {keeping.basis_of(moved, own(moved), criterion), basis}
    assert len(found) == 5


@pytest.mark.parametrize(
    "text",
    ["{}", "nonsense", '{"skills": {"a": "b"}, "rate": 1}', '{"skills": {}, "rate": {"array": [1], "type": "O"}}'],
)
def test_an_entry_that_is_no_arm_is_not_used(bench: Bench, tmp_path: Path, text: str) -> None:
    path, one = tmp_path / "trials.sqlite", planned(bench)[0]
    kept_arms(bench, TrainSkill(), path)[0].train([one])
    with sqlite3.connect(path) as file:
        file.execute("UPDATE arms SET result = ?", (text,))
    arms, runner = kept_arms(bench, TrainSkill(), path)
    arms.train([one])
    assert runner.trained == 1 and not isinstance(arms[one], Failed)


def test_a_file_that_is_no_journal_is_left_alone(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "trials.sqlite"
    path.write_text("a text of the user's, long enough to be no empty database " * 20)
    before = path.read_bytes()
    with planner_for(subject(), Settings(), lambda _: None, where=Where(kept=path)) as planner:
        assert try_remedies(planner, {}, [Trial("scale-inputs", STANDARDISE_INPUTS)])
        assert [missed.what for missed in planner.missed] == ["journal of trials"]
    assert path.read_bytes() == before


def test_the_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from diagnose.trials.train_skill import Arm

    monkeypatch.setattr(keeping, "MOST", 3)
    kept = KeptInFile(tmp_path / "trials.sqlite", "basis", Arm)
    for number in range(5):
        kept.put((str(number),), Arm({"a": (float(number),)}, 0.1))
    assert [kept.get((str(number),)) is not None for number in range(5)] == [False, False, True, True, True]


# --- the plan does not depend on the number of workers --------------------------------------------------


class Recorded:
    """A runner of two workers that trains here; `rounds` are the changes that were trained at once."""

    def __init__(self, bench: Bench, criterion: Criterion, jobs: int) -> None:
        self.jobs = jobs
        self.rounds: list[list[str]] = []
        self._here = Here(bench, criterion)

    def __call__(self, arms: Sequence[Planned]) -> Iterator[tuple[int, Any]]:
        self.rounds.append([one.plan.what for one in arms])
        return self._here(arms)


@pytest.mark.parametrize("left", [1000.0, 4.0])
def test_the_same_trials_are_chosen_with_any_number_of_workers(left: float, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [Trial(str(number), one) for number, one in enumerate(INTERVENTIONS)]
    found, rounds = [], []
    for jobs in (1, 2, 8):
        made: list[Recorded] = []

        def runner(self: Any, jobs: int = jobs, made: list[Recorded] = made) -> Recorded:
            made.append(Recorded(self._planner.bench, self._criterion, jobs))
            return made[-1]

        monkeypatch.setattr("diagnose.trials.running.Trials._runner", runner)
        with planner_for(subject(), Settings(), lambda _: None) as planner:
            planner._account.left = left
            effects = try_remedies(planner, {}, wanted)
        found.append((effects, planner.executed and [one.name for one in planner.executed], planner.untried))
        rounds.append([len(arms) for one in made for arms in one.rounds])
    assert found[0] == found[1] == found[2]
    assert len(found[0][0]) == (4 if left > 10 else 2)
    assert rounds[0] == [2, *[1] * (len(found[0][0]) - 1)]
    assert rounds[2] == [sum(rounds[0])]


def test_where_is_checked() -> None:
    assert where_from(3, None, None) == Where(jobs=3)
    for cluster in ("here", "spark://a", "://"):
        with pytest.raises(InputError, match="dask://HOST:PORT"):
            where_from(1, cluster, None)
    with pytest.raises(InputError, match="at least 1"):
        where_from(0, None, None)


# --- whole examinations ---------------------------------------------------------------------------------


def test_an_interrupted_examination_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[str] = []
    stop_at: list[int] = []

    def counted(bench: Bench, criterion: Criterion, plan: TrainingPlan) -> Any:
        if len(trained) in stop_at:
            raise KeyboardInterrupt
        trained.append(plan.what)
        return train_here(bench, criterion, plan)

    monkeypatch.setattr("diagnose.trials.arms.train", counted)
    of, (x, _) = UNSCALED.subject(), UNSCALED.rows()
    data = (np.tile(x, (10, 1)), np.tile(np.arange(len(x)) % 3, 10))

    def examined(**options: Any) -> Diagnosis:
        trained.clear()
        return diagnose.examine(of.model, data, batch_size=8, only=ONLY, **options)

    whole = examined()
    every = len(trained)
    assert every > 3

    stop_at.append(2)
    path = tmp_path / "trials.sqlite"
    cut = examined(kept=path)
    assert cut.settings["interrupted"] and len(cut.effects) < len(whole.effects)

    stop_at.clear()
    resumed = examined(kept=path)
    assert len(trained) == every - 2
    assert resumed.effects == whole.effects and resumed.settings["plan"] == whole.settings["plan"]


def in_session(session: int) -> list[str]:
    """The command lines of the living processes of a session."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state = (place / "stat").read_text().rpartition(")")[2].split()
            if int(state[3]) == session and state[0] != "Z":
                found.append((place / "cmdline").read_text().replace("\0", " "))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are listed in /proc only on Linux")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.slow
def test_no_worker_outlives_the_examination(how: signal.Signals, tmp_path: Path) -> None:
    of, (x, _) = UNSCALED.subject(), UNSCALED.rows()
    of.model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x=np.tile(x, (10, 1)), y=np.tile(np.arange(len(x)) % 3, 10))
    line = [sys.executable, "-m", "diagnose", "model.keras", "data.npz", "--jobs", "2", "--out", "results"]
    command = subprocess.Popen(
        [*line, "--quiet", "--only", ",".join(ONLY)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    while command.poll() is None and not any("loky" in one for one in in_session(command.pid)):
        time.sleep(0.2)
    command.send_signal(how)
    assert command.wait() == (130 if how is signal.SIGINT else -signal.SIGKILL)
    end = time.monotonic() + 60
    while in_session(command.pid) and time.monotonic() < end:
        time.sleep(0.2)
    assert in_session(command.pid) == []
    if how is signal.SIGINT:
        report = Diagnosis.load(next((tmp_path / "results").glob("*.json")))
        assert report.settings["interrupted"] and report.state == "sick"
