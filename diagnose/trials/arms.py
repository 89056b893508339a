"""The arms of trials: each is trained once, in this process or by workers, and kept for the next examination."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from diagnose.diagnosis import Effect
from diagnose.measurements import REPORT, NotMeasured
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import brief
from diagnose.trials.folds import looked_again
from diagnose.trials.plan import Change, DoesNotApply, TrainingPlan

if TYPE_CHECKING:
    from diagnose.trials.keeping import Kept

Key = tuple[str, ...]


class Criterion(Protocol):
    """How trials are trained and judged: by what they learn (`TrainSkill`), or on new rows (`DevError`).

    `sizes` are shares of the usual number of steps; the largest with which the first trial fits is used by all. `arm`
    is the type that `train` returns, and `basis` tells what it depends on, beside the bench and the plan. `begun` gives
    the user's own training as it is judged.
    """

    sizes: ClassVar[tuple[float, ...]]
    arm: ClassVar[type]

    @property
    def basis(self) -> str: ...

    @staticmethod
    def steps(bench: Bench, size: float) -> int: ...
    def begun(self, own: TrainingPlan) -> TrainingPlan: ...
    def train(self, bench: Bench, plan: TrainingPlan) -> Any: ...
    def accept(self, control: Any, steps: int) -> None: ...
    def effect(
        self,
        remedy: str,
        what: str,
        *looks: tuple[Any, Any],
        control: str,
        steps: int,
        values: Mapping[str, str],
        on_top_of: tuple[str, ...] = (),
    ) -> Effect: ...


@dataclass(frozen=True)
class Planned:
    """An arm to train: a pure function of the user's own plan, the plan that it gives, and the cost of one step.

    The function is what travels to another process, which has its own copy of the model and therefore its own plan.
    """

    change: Change
    plan: TrainingPlan
    cost: float = 1.0

    @property
    def key(self) -> Key:
        """The changes and the seeds; arms with the same ones are the same."""
        return (*self.plan.changes, *map(str, self.plan.seeds))

    @property
    def first_seed(self) -> Planned:
        """The same with one seed only."""
        return self._with(first_seed)

    @property
    def other_seeds(self) -> Planned:
        """The same with as many other seeds."""
        return self._with(other_seeds)

    @property
    def looked_again(self) -> Planned:
        """The same for a second look."""
        return self._with(looked_again)

    def then(self, change: Change, plan: TrainingPlan, cost: float = 1.0) -> Planned:
        """An arm with another change on top, which gives `plan`."""
        return Planned(partial(then, self.change, change), plan, self.cost * cost)

    def _with(self, seeds: Callable[[TrainingPlan], TrainingPlan]) -> Planned:
        return replace(self, change=partial(then, self.change, seeds), plan=seeds(self.plan))


def then(first: Change, second: Change, own: TrainingPlan) -> TrainingPlan | DoesNotApply:
    """One change after another; with `partial`, a change that can travel to another process."""
    plan = first(own)
    return plan if isinstance(plan, DoesNotApply) else second(plan)


def first_seed(plan: TrainingPlan) -> TrainingPlan:
    """The same training with one seed only."""
    return replace(plan, seeds=plan.seeds[:1])


def other_seeds(plan: TrainingPlan) -> TrainingPlan:
    """The same training with as many other seeds."""
    return replace(plan, seeds=tuple(seed + len(plan.seeds) for seed in plan.seeds))


@dataclass(frozen=True)
class Failed:
    """Why an arm could not be trained, and what to do about it."""

    why: str
    how: str


class Runner(Protocol):
    """Trains arms, several at once. `jobs` is their number; results come as they are ready, by the arm's number."""

    jobs: int

    def __call__(self, planned: Sequence[Planned]) -> Iterator[tuple[int, Any]]: ...


def train(bench: Bench, criterion: Criterion, plan: TrainingPlan) -> Any:
    """Train one arm; return its result, or `Failed`."""
    try:
        return criterion.train(bench, plan)
    except NotMeasured as reason:
        return Failed(str(reason), reason.how)
    except Exception as error:  # noqa: BLE001 - a layer may raise anything for settings it does not accept
        return Failed(f"the trial failed: {brief(error)}", REPORT)


class Here:
    """Trains in this process, one arm after the other."""

    jobs = 1

    def __init__(self, bench: Bench, criterion: Criterion) -> None:
        self._bench = bench
        self._criterion = criterion

    def __call__(self, planned: Sequence[Planned]) -> Iterator[tuple[int, Any]]:
        for number, one in enumerate(planned):
            yield number, train(self._bench, self._criterion, one.plan)


def nothing(count: int) -> tuple[Planned, ...]:
    """Return no arms."""
    return ()


class Arms:
    """The arms that are trained already, by their changes."""

    def __init__(self, runner: Callable[[], Runner], kept: Kept) -> None:
        """`runner` is called once, for the first arm that has to be trained."""
        self._start = runner
        self._kept = kept
        self._found: dict[Key, Any] = {}

    @cached_property
    def _runner(self) -> Runner:
        return self._start()

    def __contains__(self, planned: Planned) -> bool:
        """Whether this arm needs no training any more."""
        if planned.key not in self._found and (kept := self._kept.get(planned.key)) is not None:
            self._found[planned.key] = kept
        return planned.key in self._found

    def train(self, needed: Sequence[Planned], next_ones: Callable[[int], Sequence[Planned]] = nothing) -> None:
        """Train those that are not trained yet.

        If there are such, and several can be trained at once, `next_ones` is asked for so many more.
        """
        planned = self._new(needed)
        if planned and self._runner.jobs > len(planned):
            planned = self._new((*needed, *next_ones(self._runner.jobs - len(planned))))
        for number, found in self._runner(planned) if planned else ():
            self._found[planned[number].key] = found
            if not isinstance(found, Failed):
                self._kept.put(planned[number].key, found)

    def _new(self, wanted: Sequence[Planned]) -> tuple[Planned, ...]:
        return tuple({one.key: one for one in wanted if one not in self}.values())

    def __getitem__(self, planned: Planned) -> Any:
        """The result of a trained arm.

        Raises:
            NotMeasured: it could not be trained.
        """
        found = self._found[planned.key]
        if isinstance(found, Failed):
            raise NotMeasured(found.why, found.how)
        return found
