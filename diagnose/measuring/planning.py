"""The planner: which instruments run, and at which size."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from diagnose.interrupting import Interrupts, interrupts
from diagnose.journal import Entry, Journal, allowance
from diagnose.measurements import (
    REPORT,
    Measurements,
    NotMeasured,
    Unavailable,
)
from diagnose.measuring import copying
from diagnose.measuring.bench import Bench
from diagnose.measuring.instruments import INSTRUMENTS, Instrument
from diagnose.measuring.work import Account, ClockAccount, Work, WorkAccount
from diagnose.settings import Effort, Settings
from diagnose.stages import Progress, Stage
from diagnose.subject import Subject
from diagnose.where import HERE, Where

T = TypeVar("T")

BUDGETS = {Effort.QUICK: 15.0, Effort.STANDARD: 60.0, Effort.DEEP: 300.0}  # seconds of the reference machine
SCALES = (1.0, 0.5, 0.25, 0.1)  # shares of an instrument's full size; the largest that fits is used
PACED = 1.0  # reference seconds that must have run before the time left is told
INTERRUPTED = ("the examination was interrupted", "Run it again without interrupting it.")
NO_TRAINING = "effort quick does not train"  # coverage says so once for all of it
NOT_IN_PLAN = ("not part of the given plan", "Run diagnose without a plan.")
MEMORY = "Free some memory, or pass fewer rows: --rows N, or --effort quick."
MORE_TIME = "Allow more time: --budget SECONDS, or --effort deep."


def nothing(measured: Measurements) -> Work:
    """Return no work: nothing is kept for later."""
    return Work()


@dataclass(frozen=True)
class Missed:
    """Something that could not be examined, why, and what to pass or change to get it."""

    what: str
    why: str
    how: str


@dataclass(frozen=True)
class Executed:
    """An instrument or trial that ran. Names and scales (shares of the full size) make up a plan to repeat."""

    name: str
    seconds: float
    scale: float = 1.0


class Planner:
    """Runs instruments and trials within the budget, and records what ran and what did not.

    Without a budget in seconds, the same subject and settings give the same plan on every machine.
    """

    def __init__(
        self,
        bench: Bench,
        progress: Progress,
        journal: Journal | None = None,
        stop: Interrupts | None = None,
        *,
        where: Where = HERE,
        spent: float = 0.0,
    ) -> None:
        """`spent` are the seconds of a budget that are gone before anything is measured."""
        self.bench = bench
        self.where = where
        self.executed: list[Executed] = []
        self.missed: list[Missed] = []
        self.untried: dict[str, str] = {}  # why a remedy was not tried, by its code
        self.needless: set[str] = set()  # codes of remedies that would change nothing
        self.interrupted = False  # whether something was cut by an interrupt
        self.cut: dict[type, str] = {}  # measurements that an interrupt or a crash cut, with the reason
        self.journal = journal or Journal()
        self._stop = stop or Interrupts()
        self._progress = progress
        settings = bench.settings
        self._account: Account = (
            ClockAccount(bench, settings.budget - spent - self.journal.spent)
            if settings.budget
            else WorkAccount(bench, BUDGETS[settings.effort])
        )
        self._epoch_allowed = settings.effort is not Effort.STANDARD
        self._reserve: Callable[[Measurements], Work] = nothing
        self._expected: Sequence[str] = ()
        self._ahead: Callable[[Sequence[str]], Work] = lambda titles: Work()
        self._estimated = self._ran = 0.0  # seconds of what ran: of the reference machine, and by the clock

    def measure(
        self,
        needed: frozenset[type],
        reserve: Callable[[Measurements], Work] = nothing,
        after: Callable[[Measurements], Work] = nothing,
    ) -> Measurements:
        """Run the instruments for the needed measurements, by priority, within effort and budget.

        If an instrument fails, the others still run. The result has an instance or `Unavailable` for every needed type.

        Args:
            needed: measurement types; the ones that their instruments read are added.
            reserve: of the measurements so far, the work to keep for what follows them. An instrument shrinks to keep
                it, but not below its smallest scale: what follows rests on what was measured.
            after: of the measurements so far, the work that is likely to follow the instruments, for the progress.
        """
        self._reserve = reserve
        measured: Measurements = {}
        wanted = [i for i in sorted(INSTRUMENTS, key=lambda i: i.priority) if i.provides in _closure(needed)]
        run = {i.title: i for i in wanted if i.effort.rank <= self.bench.settings.effort.rank}
        self.expect(
            tuple(run), lambda titles: sum((self._likely(run[title], measured) for title in titles), after(measured))
        )
        for instrument in wanted:
            self._run_instrument(instrument, measured)
        return measured

    def expect(self, titles: Sequence[str], ahead: Callable[[Sequence[str]], Work]) -> None:
        """Announce what runs next, for the progress.

        Args:
            titles: in their order; some may turn out not to run.
            ahead: the work of those of the titles that have not ended, and of what is likely to follow them.
        """
        self._expected, self._ahead = titles, ahead

    def fits(self, work: Work) -> bool:
        """Return whether this work fits into what is left of the budget; with a given plan, everything does."""
        return bool(self.bench.settings.plan) or self._account.seconds(work) <= self._account.left

    def seconds(self, work: Work) -> float:
        """Return the estimated seconds of this work."""
        return self._account.seconds(work)

    def spares(self, work: Work, share: float) -> bool:
        """Return whether this work fits, and takes no more than this share of the whole budget."""
        within = self._account.seconds(work) <= share * self._account.total
        return self.fits(work) and (within or bool(self.bench.settings.plan))

    @property
    def by_clock(self) -> bool:
        """Whether the budget is one in seconds, so that what runs depends on the machine."""
        return isinstance(self._account, ClockAccount)

    def lend(self, work: Work) -> None:
        """Let work that a report lacks most go a little over the budget of its effort, once."""
        self._account.lend(work)

    def run(self, title: str, work: Work, action: Callable[[], T], scale: float = 1.0) -> T | None:
        """Run an action if it fits into the budget; else record it as missed and return None.

        `scale` is its size as a share of the full one; it is part of the plan.
        """
        refusal = self._refusal(title, work)
        if refusal is None:
            return self._timed(title, work, scale, action)
        self.miss(title, *refusal)
        return None

    def admits(self, title: str, work: Work) -> bool:
        """Whether `run` would start this now, as something new."""
        return self.journal.known(title) is None and self._refusal(title, work) is None

    def _refusal(self, title: str, work: Work) -> tuple[str, str] | None:
        """Why something does not run, and what to do about it."""
        plan = self.bench.settings.plan
        if self._stops(title):
            return INTERRUPTED
        if (barred := self.journal.barred(title)) is not None:
            return barred
        if plan and title not in plan:
            return NOT_IN_PLAN
        return None if self.fits(work) else (self._over_budget(work), MORE_TIME)

    def miss(self, what: str, why: str, how: str) -> None:
        """Record something that could not be examined, why, and what to do about it."""
        self.missed.append(Missed(what, why, how))

    def why_missed(self, what: str) -> str:
        """Why something was not examined, as a clause."""
        otherwise = NO_TRAINING if self.bench.settings.effort is Effort.QUICK else "it was interrupted"
        return next((missed.why for missed in reversed(self.missed) if missed.what == what), otherwise)

    def _stops(self, title: str) -> bool:
        """Whether an interrupt keeps this from running; what is known already stays."""
        stops = self._stop.arrived and self.journal.known(title) is None
        self.interrupted |= stops
        return stops

    def _run_instrument(self, instrument: Instrument, measured: Measurements) -> None:
        def drop(why: str, how: str) -> None:
            measured[instrument.provides] = Unavailable(f"{instrument.title} did not run: {why}", how)
            self.miss(instrument.title, why, how)

        def cut(why: str, how: str) -> None:
            self.cut[instrument.provides] = f"{instrument.title} did not run: {why}"
            drop(why, how)

        effort = self.bench.settings.effort
        if self._stops(instrument.title):
            cut(*INTERRUPTED)
            return
        if instrument.effort.rank > effort.rank:
            drop(
                f"needs training, and effort {effort} does not train",
                f"Run diagnose with --effort {instrument.effort}.",
            )
            return
        if (barred := self.journal.barred(instrument.title)) is not None:
            cut(*barred)
            return
        scale = self._affordable(instrument, measured)
        if scale is None and self.bench.settings.plan:
            drop(*NOT_IN_PLAN)
        elif scale is None:
            drop(self._over_budget(instrument.cost(self.bench, measured)), MORE_TIME)
        else:
            self.bench.scale = scale
            work = instrument.cost(self.bench, measured)
            found = self._timed(instrument.title, work, scale, lambda: self._measure(instrument, measured))
            if found is None:
                cut(*INTERRUPTED)
            else:
                measured[instrument.provides] = found

    def _timed(self, title: str, work: Work, scale: float, action: Callable[[], T]) -> T | None:
        """Run an action and record it; return None if the user interrupts it.

        What an earlier process of this examination has measured is not measured again.
        """
        self._progress(self._stage(title))
        entry = self.journal.known(title)
        if entry is None:
            entry = self._measured(title, work, action)
            self._pace(work, entry)
        if entry is None:
            self.interrupted = True
            return None
        self.missed += [Missed(*missed) for missed in entry.missed]
        self._account.charge(work, entry.seconds)
        self.executed.append(Executed(title, entry.seconds, scale))
        found: T = entry.found
        return found

    def _stage(self, title: str) -> Stage:
        """The stage with its number, if it was expected, and the time left, once the pace of this machine is known."""
        if title not in self._expected:
            return Stage(title)
        place, left = self._expected.index(title), None
        if self._estimated >= PACED:
            seconds = self._account.seconds(self._ahead(self._expected[place:]))
            left = max(0.0, min(seconds, self._account.left)) * self._ran / self._estimated
        return Stage(title, place + 1, len(self._expected), left)

    def _pace(self, work: Work, entry: Entry | None) -> None:
        if entry is not None and work:
            self._estimated += self._account.seconds(work)
            self._ran += entry.seconds

    def _likely(self, instrument: Instrument, measured: Measurements) -> Work:
        """The work of an instrument that has not begun: at the largest scale that fits into its share by now."""
        kept = self.bench.scale
        try:
            for self.bench.scale in SCALES:
                work = instrument.cost(self.bench, measured)
                if self._account.seconds(work) <= instrument.share * self._account.left:
                    break
            return work
        finally:
            self.bench.scale = kept

    def _measured(self, title: str, work: Work, action: Callable[[], T]) -> Entry | None:
        start, before = time.perf_counter(), len(self.missed)
        rows = max(split.rows for split in self.bench.subject.splits)
        self.journal.begin(title, allowance(self._account.seconds(work) if work else 0.0, rows))
        try:
            with self._stop.allowed():
                found = action()
        except KeyboardInterrupt:
            return None
        missed = tuple((missed.what, missed.why, missed.how) for missed in self.missed[before:])
        del self.missed[before:]
        entry = Entry(found, time.perf_counter() - start, missed)
        self.journal.keep(title, entry)
        return entry

    def _measure(self, instrument: Instrument, measured: Measurements) -> object:
        try:
            return instrument.measure(self.bench, measured)
        except NotMeasured as missing:
            return Unavailable.of(missing)
        except Exception as error:
            if self._stop.arrived:
                raise KeyboardInterrupt from error
            if _out_of_memory(error):
                self.cut[instrument.provides] = why = f"{instrument.title} ran out of memory"
                self.miss(instrument.title, why, MEMORY)
                return Unavailable(why, MEMORY)
            why = f"{instrument.title} failed: {copying.brief(error)}"
            self.miss(instrument.title, why, REPORT)
            return Unavailable(why, REPORT)

    def _affordable(self, instrument: Instrument, measured: Measurements) -> float | None:
        """The largest scale that fits into the instrument's share of the remaining budget; None if none fits.

        The smallest scale may use all of the budget. If a plan is repeated, its scale is used.
        """
        if self.bench.settings.plan:
            return self.bench.settings.plan.get(instrument.title)
        for scale in SCALES:
            self.bench.scale = scale
            work = instrument.cost(self.bench, measured)
            if not work:
                return scale
            share = 1.0 if scale == SCALES[-1] else instrument.share
            needs = self._account.seconds(work)
            self._allow_an_epoch()
            kept = self._account.seconds(self._reserve(measured)) if share < 1 else 0.0
            if needs <= share * (self._account.left - kept):
                return scale
        return None

    def _allow_an_epoch(self) -> None:
        """At standard effort, raise the budget to the time of one epoch of the user's own training."""
        if not self._epoch_allowed:
            self._epoch_allowed = True
            train = self.bench.subject.train
            steps = (train.population or train.rows) / self.bench.batch_size
            self._account.allow(self._account.seconds(Work(steps=steps)))

    def _over_budget(self, work: Work) -> str:
        left = "used up" if self._account.left < 0.5 else f"down to {self._account.left:.0f} s"
        return f"needs about {self._account.seconds(work):.0f} s; the time budget is {left}"


@dataclass(frozen=True)
class Measured:
    """All needed measurements (an instance or `Unavailable` each), and what ran for them."""

    measurements: Measurements
    executed: tuple[Executed, ...] = ()
    missed: tuple[Missed, ...] = ()
    interrupted: bool = False
    untried: dict[str, str] = field(default_factory=dict)  # why a remedy was not tried, by its code
    needless: frozenset[str] = frozenset()  # codes of remedies that would change nothing
    cut: dict[type, str] = field(default_factory=dict)  # measurements that an interrupt or a crash cut: the reason
    ended: tuple[str, ...] = ()  # sentences on processes that died while they measured


@contextmanager
def planner_for(
    subject: Subject,
    settings: Settings,
    progress: Progress,
    journal: Journal | None = None,
    *,
    where: Where = HERE,
    spent: float = 0.0,
) -> Iterator[Planner]:
    """Yield a planner for this subject; the subject's model is restored when the block ends."""
    with interrupts() as stop, Bench(subject, settings) as bench:
        yield Planner(bench, progress, journal, stop, where=where, spent=spent)


def measured_by(planner: Planner, measurements: Measurements) -> Measured:
    """The measurements with the planner's records."""
    return Measured(
        measurements,
        tuple(planner.executed),
        tuple(planner.missed),
        planner.interrupted,
        planner.untried,
        frozenset(planner.needless),
        planner.cut,
        planner.journal.ended,
    )


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"  # TensorFlow's


def _closure(needed: frozenset[type]) -> frozenset[type]:
    """The needed measurements, and those that their instruments read."""
    uses = {instrument.provides: instrument.uses for instrument in INSTRUMENTS}
    more = needed.union(*(uses.get(kind, frozenset()) for kind in needed))
    return needed if more == needed else _closure(more)
