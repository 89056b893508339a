"""One watched training: reads its steps, examines the network when the budget allows, reports and concludes."""

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from diagnose.concluding import conclude
from diagnose.diagnosis import Coverage, Diagnosis
from diagnose.errors import InputError
from diagnose.findings import Outcome, Severity
from diagnose.live.budget import Budget
from diagnose.live.constants import ConstantLoss, constant_loss
from diagnose.live.examining import MOVING, LiveBench, compare_modes, live_subject, look, quick, stages_of
from diagnose.live.keeping import KeptWeights
from diagnose.live.notices import Notice, alarming, examined, level_of, while_training
from diagnose.live.outputs import by_output, dev_scores, dev_se
from diagnose.live.recording import Record
from diagnose.live.telling import Notices, Say
from diagnose.live.updating import Updates
from diagnose.live.watching import Watch, Watching, unwatched, watch
from diagnose.loading.models.own_steps import own_step
from diagnose.measurements import (
    ALL_ROWS,
    REPORT,
    Evaluation,
    Feeding,
    History,
    Measurements,
    ModeErrors,
    Modes,
    Unavailable,
)
from diagnose.measuring import backend
from diagnose.measuring.modes import moving
from diagnose.measuring.planning import Measured, measured_by, planner_for
from diagnose.pipeline import chosen, needs_of
from diagnose.reasoning.engine import suspect
from diagnose.reasoning.remedies import measured_effects
from diagnose.registry import Check
from diagnose.subject import Output, Subject, without_rows

CHUNK = 256  # steps between two readings
THINNING = 1.5  # factor between the step numbers of two looks into the network
FIRST_LOOK = 100  # steps
SUBJECT = 0.3  # expected CPU seconds to make a subject of the model
SMALL = 0.005  # expected CPU seconds to examine the history
NOT_PAID = "the share of the training's time that overhead allows did not pay for it"
HOW_PAID = "Read callback.diagnosis, which measures it when it is asked for."
_WATCHED: weakref.WeakKeyDictionary[Any, "Session"] = weakref.WeakKeyDictionary()  # the last session of each model


class Session:
    """Watches one model over all its `fit` calls."""

    def __init__(
        self,
        model: Any,
        *,
        probe: Any,
        overhead: float,
        stop_on: Iterable[str],
        seed: int,
        say: Say,
        watching: Watching = watch,
        optimizer: Any = None,
        loss: str | None = None,
    ) -> None:
        """Watch `model`, whose steps `watching` shows.

        Args:
            optimizer, loss: those of a training loop that does not use the compiled ones.
            say: prints a line.
        """
        self.model = model
        self.on_read: Callable[[], None] = lambda: None  # called within an epoch, after each reading
        self._notices = Notices(say)
        self.kept = KeptWeights(model) if stop_on else None
        self.budget = Budget(overhead)
        self.record = Record()
        self.stopped_by = ""
        self._probe = probe
        self._stop_on = frozenset(stop_on)
        self._seed = seed
        self._say = say
        self._own_optimizer, self._loss = optimizer, loss
        self._watch: Watch | None = watching(model, self._called, self.fail)
        self._updates = Updates(model)
        self._unread = 0  # steps
        self._bench: LiveBench | None = None
        self._measured: Measurements = {}
        self._modes: dict[float, tuple[ModeErrors, ...]] = {}  # by epoch
        self._constant: ConstantLoss | None = None
        self._feeding: Feeding | None = None
        self._next_look = FIRST_LOOK
        self._alarmed = False
        self._epoch = 0
        self._collected: dict[str, Any] = {}
        self._no_subject = ""
        self._failure = ""
        self._way_out = REPORT  # of the failure
        self.failed = False
        self.running = False
        self._begun = 0  # steps before this fit
        self._epochs: int | None = None  # planned for this fit
        self._steps: int | None = None  # of one epoch
        self._total: int | None = None  # planned for this fit, where its epochs are not known

    # --- called by the callback --------------------------------------------------------------------

    def begin(self, epochs: int | None = None, steps: int | None = None, total: int | None = None) -> None:
        """Start watching, just before the first step of `fit`.

        Args:
            epochs: planned for this `fit`; None: unknown.
            steps: of one epoch; None: unknown.
            total: steps planned for all epochs, if these are not known.
        """
        self.failed, self.running = False, True
        self._begun, self._epochs, self._steps, self._total = self.record.steps, epochs, steps, total
        optimizer = self._optimizer
        if not self.record.steps:
            self.record.from_start = optimizer is None or int(backend.array(optimizer.iterations)) == 0
        with self.harmless():
            self._updates.begin()
            self.record.schedule = _schedule(optimizer, self.record.steps)
            self._note_rate()
        with self.harmless():
            if self._watch is not None:
                self._refuse_second()
                self._watch.open()
                _WATCHED[self.model] = self
        self.budget.start()

    def _refuse_second(self) -> None:
        """Two watches on one model would hide its steps from each other."""
        other = _WATCHED.get(self.model)
        if other is not None and other is not self and other.running:
            self._way_out = "Pass only one DiagnosisCallback to fit."
            raise InputError("another DiagnosisCallback watches this training")

    def end_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        """Record an epoch (from 0), after its validation."""
        if not self._failure:
            with self.harmless():
                self._end_epoch(epoch, logs)

    def _end_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        self._epoch = epoch + 1
        self._read()
        self.record.end_epoch(logs)
        self._stop_collecting("train")
        if any(name.startswith("val_") for name in logs):
            self._stop_collecting("dev")
        if self.kept is not None:
            self.kept.at_epoch(self._epoch, logs)
        self._observe()
        self._compare_modes()

    def end(self) -> None:
        """Stop watching: `fit` has ended, normally or not."""
        if self.running:
            self.running = False
            with self.harmless():
                self._read()
            self.budget.stop()
            if self._watch is not None:
                self._watch.close()

    def fail(self) -> None:
        """Stop watching after an exception or an interrupt in a step, and restore the model."""
        self.failed = True
        self.end()

    # --- while it trains ----------------------------------------------------------------------------

    @contextmanager
    def harmless(self) -> Iterator[None]:
        """An error in this block stops the watching, never the training."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - no error of ours may end the user's training
            reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            if not self._failure:
                self._say(f"diagnose: the training is no longer watched ({reason})")
            self._failure = reason
            if self._watch is not None:
                self._watch.close()

    def _called(self, steps: int) -> None:
        """Read and observe when due, after each call of the train function."""
        self._unread += steps
        if self._failure:
            return
        with self.harmless():
            self._updates.after(self.record.steps + self._unread, steps)
            if self._unread >= CHUNK:
                self._read()
                self._observe()
                self.on_read()

    def _read(self) -> None:
        if self._watch is None:
            return
        self._unread = 0
        fine = self.record.non_finite_step is None
        self.record.total = self._watch.total
        self.record.add(self._watch.read(), averaged=self._watch.averaged)
        self._note_rate()
        if fine and self.record.non_finite_step is None and self.kept is not None:
            self.kept.at_finite(self.record.steps)

    def _note_rate(self) -> None:
        rate = getattr(self._optimizer, "learning_rate", None)
        if rate is not None and self.record.schedule is None:
            self.record.note_rate(float(backend.array(rate)))

    @property
    def _optimizer(self) -> Any:
        return self._own_optimizer or getattr(self.model, "optimizer", None)

    def _observe(self) -> None:
        """Examine the history and, when due, the network, as far as the budget allows."""
        broken = self.record.non_finite_step is not None and not self._notices.reported("non-finite-training")
        outcomes: tuple[Outcome, ...] = ()
        if broken or self.budget.affords("history", SMALL):
            with self.budget.booked("history"):
                self._read_targets()
                outcomes = examined({History: self._history()}, whole=False)
        if outcomes and not self._alarmed and _alarm(outcomes):
            self._alarmed = True
            self._look_inside(len(stages_of(self.model)))  # regardless of the budget: it separates cause and symptom
        elif self.record.steps >= self._next_look and not broken:
            self._look_inside(self._affordable_stages())
        if outcomes:
            self._report(outcomes)

    def _look_inside(self, stages: int) -> None:
        if stages < 2 or not self._make_bench():
            return
        with self._looking(f"look {stages}") as bench:
            self._measured = look(bench, stages_of(self.model)[:stages])
            self._note_modes(self._measured)
            self._report(examined(self._measured | {History: self._history()}, whole=True))
        self._next_look = int(self.record.steps * THINNING)

    def _compare_modes(self) -> None:
        """Score the model in training mode and in inference mode, where they differ; a look that is due comes first."""
        expected = MOVING[-1] * self._compile_seconds + (SUBJECT if self._bench is None else 0.0)
        if self.record.steps >= self._next_look or not moving(self.model):
            return
        if self.budget.affords("modes", expected) and self._make_bench():
            with self._looking("modes") as bench:
                epoch = self.record.epoch_of(self.record.steps)
                self._modes[epoch] = compare_modes(bench, epoch)

    def _note_modes(self, measured: Measurements) -> None:
        found, epoch = measured.get(Modes), self.record.epoch_of(self.record.steps)
        if isinstance(found, Modes):
            self._modes[epoch] = found.errors(epoch)

    @contextmanager
    def _looking(self, name: str) -> Iterator[LiveBench]:
        """The bench, for measurements that are charged to the budget; there must be one."""
        assert self._bench is not None
        with self.budget.booked(name):
            yield self._bench
        if self._bench is not None and self._bench.subject.model is not self.model:
            self._bench = None  # a copy, which keeps the weights of now

    @property
    def _compile_seconds(self) -> float:
        """CPU seconds that compiling a step of this model takes, about."""
        return self._watch.compile_seconds if self._watch is not None else 1.0

    def _affordable_stages(self, whole: bool = False) -> int:
        """How many stages the budget allows, including the subject and compilation. `whole`: nothing is kept back."""
        compiling = self._compile_seconds
        subject = 0.0 if self._bench is not None else SUBJECT
        stages = stages_of(self.model)
        for count in range(len(stages), 1, -1):
            expected = subject + compiling * sum(cost for _, _, cost in stages[:count])
            if self.budget.affords(f"look {count}", expected, whole):
                return count
        return 0

    def _make_bench(self) -> bool:
        if self._bench is None and not self._no_subject:
            with self.budget.booked("subject"):
                try:
                    subject = self._subject(self._history())
                    self._bench = LiveBench(subject, quick(self._seed))
                except InputError as reason:
                    self._no_subject = str(reason)
        return self._bench is not None

    def _report(self, outcomes: tuple[Outcome, ...]) -> None:
        origin = str(self._watch.origin) if self._watch is not None and self._watch.origin else ""
        for code in self._notices.tell(outcomes, self.record.steps, self._epoch, origin):
            if code in self._stop_on and not self.stopped_by:
                self._stop(code)
        if self.notices and not self._notices.standing:
            self._alarmed = False  # the next alarm is a new one

    def _stop(self, code: str) -> None:
        self.stopped_by = code
        self.model.stop_training = True
        kept = f": {self.kept}" if self.kept is not None else ""
        self._say(f"diagnose: training stopped because of {code} (stop_on){kept}")

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The causes reported so far, also those that were taken back."""
        return tuple(self._notices.all)

    # --- the data it uses ----------------------------------------------------------------------------

    def _stop_collecting(self, split: str) -> None:
        if self._watch is not None and split not in self._collected:
            self._watch.stop_collecting(split)
            self._bench = None  # it was made with fewer rows
            self._collected[split] = getattr(self._watch, split).rows(self._seed)

    def _rows(self, split: str) -> Any:
        if split == "train" and self._probe is not None:
            return self._probe
        if split not in self._collected and self._watch is not None:  # during the first epoch
            return getattr(self._watch, split).rows(self._seed)
        return self._collected.get(split)

    def _read_targets(self) -> None:
        """Compute the constant loss and the order of the targets once, when the rows are collected."""
        if "train" not in self._collected:
            return
        compiled = self._watch is None or self._watch.compiled
        rows = self._rows("train") if self._constant is None and compiled else None
        if isinstance(rows, tuple) and len(rows) > 1:
            self._constant = constant_loss(self.model, rows)
        if self._feeding is None and self._watch is not None:
            self._feeding = self._watch.train.feeding(self._seed)

    def _history(self, evaluation: object = None, outputs: tuple[Output, ...] = ()) -> History:
        """The training so far; with the `outputs` of the model, also as each of several fared, once it has ended."""
        rows = (self._watch.dev_rows if self._watch is not None else 0) or None
        constant = None if self._constant is None else self._constant.whole
        scores = dev_scores(evaluation)
        history = self.record.history(constant, rows, dev_se(scores[0], rows) if len(scores) == 1 else None, None)
        modes = tuple(errors for _, several in sorted(self._modes.items()) for errors in several)
        history = replace(history, running=self.running, planned=self._planned(), modes=modes)
        if self._watch is not None:
            feeding = self._feeding or Unavailable("too few targets were seen", "Train for a whole epoch.")
            history = replace(history, updates=tuple(self._updates.seen), feeding=feeding)
        if self.running or len(outputs) < 2:
            return history
        return replace(history, by_output=by_output(self.record, history, outputs, self._constant, scores))

    def _planned(self) -> int | None:
        """Steps of all fits up to the end of this one; None if unknown, or if it is one of many fits of one epoch."""
        if self._total is not None:
            return self._begun + self._total
        steps = self._steps or self.record.steps_per_epoch()
        return None if self._epochs in (None, 1) or not steps else self._begun + (self._epochs or 0) * steps

    def _subject(self, history: History) -> Subject:
        train, dev = self._rows("train"), self._rows("dev")
        if train is None:
            raise InputError("no training rows were seen; pass probe=(x, y)")
        fewest = 1 if own_step(self.model) else 2  # arrays: an own step may do without targets
        if isinstance(train, tuple) and len(train) < fewest:
            raise InputError("the training rows have no targets; pass probe=(x, y)")
        sampled = "rows sampled evenly over the first epoch, as fed"
        origin = ("probe" if self._probe is not None else sampled, "rows sampled evenly over the validation, as fed")
        return live_subject(
            self.model,
            train,
            dev if isinstance(dev, tuple) and len(dev) >= fewest else None,
            history,
            origin=origin,
            populations=self._watch.populations if self._watch is not None else {},
            batch_size=self._batch_size(),
            epochs=len(self.record.epochs),
            loss=self._loss,
        )

    def _batch_size(self) -> int | None:
        """The batch size as fed; None if unknown."""
        return self._watch.train.batch_size if self._watch is not None else None

    # --- the diagnosis --------------------------------------------------------------------------------

    def diagnosis(self) -> Diagnosis:
        """Examine the model in its current state, with the recorded training."""
        self._read()
        if self.record.epochs or self._rows("train") is not None:
            self._collected.setdefault("train", self._rows("train"))
            self._read_targets()
        settings = quick(self._seed)
        checks = chosen(settings)
        try:
            subject = self._subject(self._history())
            with planner_for(subject, settings, lambda _: None) as planner:
                found = planner.measure(needs_of(checks))
            measured = measured_by(planner, found)
        except InputError as reason:
            subject, measured = without_rows(self.model.name, self.model, self._history()), Measured({})
            self._no_subject = str(reason)
        self._note_modes(measured.measurements)
        measured.measurements[History] = self._history(measured.measurements.get(Evaluation), subject.outputs)
        run = while_training if self.running else _run
        outcomes = self._notices.completed(run(checks, measured.measurements))
        if not self.running:
            suspicions = suspect(outcomes, level=level_of(outcomes))
            self._notices.take_back(outcomes, suspicions, self.record.steps, self._epoch)
        effects = measured_effects(measured.measurements)
        level = level_of(outcomes)
        concluded = conclude(subject, settings, checks, measured, outcomes, effects=effects, level=level)
        return self._annotated(concluded, live=self.running)

    def last_look(self) -> Diagnosis:
        """The diagnosis from what the budget pays for, at the end of a training; what is left out is said."""
        self._read()
        if self.record.epochs:
            self._read_targets()
        self._look_inside(self._affordable_stages(whole=True))
        return self.page()

    def page(self) -> Diagnosis:
        """The diagnosis from the measurements taken so far."""
        settings = quick(self._seed)
        checks = chosen(settings)
        subject = (
            self._bench.subject
            if self._bench is not None
            else without_rows(self.model.name, self.model, self._history())
        )
        lacking = {kind: Unavailable(NOT_PAID, HOW_PAID) for kind, _, _ in stages_of(self.model)}
        history = self._history(self._measured.get(Evaluation), subject.outputs)
        measurements = lacking | self._measured | {History: history}
        outcomes = while_training(checks, measurements) if self.running else _run(checks, measurements)
        outcomes = self._notices.completed(outcomes)
        found = conclude(subject, settings, checks, Measured(measurements), outcomes, level=level_of(outcomes))
        return self._annotated(found, live=self.running)

    def _annotated(self, diagnosis: Diagnosis, live: bool) -> Diagnosis:
        """The diagnosis with the settings, gaps and timing of a watched training."""
        notices = [str(notice) for notice in self.notices]
        more = {"live": live, "notices": notices, "callback_seconds": self.budget.spent}
        more |= {"interrupted": True} if self.failed else {}
        more |= {"stopped_by": self.stopped_by} if self.stopped_by else {}
        return replace(
            diagnosis,
            settings=diagnosis.settings | more,
            coverage=(*diagnosis.coverage, *self._gaps()),
            timing=diagnosis.timing | {"training": self.budget.trained},
        )

    def _gaps(self) -> tuple[Coverage, ...]:
        full = ALL_ROWS
        found = [
            Coverage(
                "train loss in inference mode by epoch",
                "the curve is the mean data loss of the training steps",
                "Read the final scores: they are measured in inference mode on both splits.",
            ),
        ]
        unseen = unwatched(self.model) if self._watch is None else None
        if unseen is not None:
            found.append(Coverage("single steps and rows as fed", unseen.reason, unseen.how))
        for gap in dict.fromkeys(self._watch.gaps if self._watch is not None else ()):
            found.append(Coverage("single steps", gap.reason, gap.how))
        if self._failure:
            found.append(Coverage("the rest of the training", self._failure, self._way_out))
        if self._no_subject:
            found.append(Coverage("everything but the history", self._no_subject, full))
        if not self.record.complete:
            how = "Read the loss by epoch: all epochs are recorded."
            found.append(Coverage("single steps after the first million", "they are not kept", how))
        return tuple(found)


def _schedule(optimizer: Any, before: int) -> Callable[[int], float] | None:
    """The learning rate by recorded step, by the optimizer's schedule; None if it has none. `before`: steps so far."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    schedule = getattr(optimizer, "_learning_rate", None)
    if schedule is None or hasattr(schedule, "assign"):
        return None
    first = int(backend.array(optimizer.iterations)) - before
    return lambda step: float(schedule(first + step))


def _run(checks: Iterable[Check], measurements: Measurements) -> tuple[Outcome, ...]:
    return tuple(check.run(measurements) for check in checks)


def _alarm(outcomes: tuple[Outcome, ...]) -> bool:
    return any(suspicion.severity.rank >= Severity.WARNING.rank for suspicion in alarming(outcomes))
