"""Compares the remedy that comes first with the best one, which brute force finds on rows that nobody else sees.

Of every pair of `pairs.py` the model is trained and examined. Then every remedy that applies is trained in full, with
three seeds, and judged on the hidden rows; "more data" with twice the rows. Where a copy was repaired, the same is
done on top of the repair: what is said of "after the repair" is judged there. Forecasts of the learning curve are
judged from half of the rows.

python -m benchmarks.quality.remedies [--part open] [--effort deep] [--jobs 2] [--only NAME] [--json FILE]
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.wards import processed
from diagnose.intervals import crossed_error

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

Errors = tuple[tuple[float, ...], ...]  # of the hidden rows, [seeds][rows]; () if unknown
SEEDS = (101, 102, 103)  # not those of an examination
FAST_AI = ("more-data", "augmentation", "change-architecture", "dropout", "regularize", "smaller-network")
LONGER, KEPT, MORE_DATA = "train-longer", "keep-best-weights", "more-data"
MOMENTS = 8  # of a training, the best of which is kept
AUTOTRAINER = ("relu-instead", "initialise", "default-optimizer", "lower-learning-rate", "raise-learning-rate")


@dataclass(frozen=True)
class Outcome:
    """One pair: what brute force found by remedy ("" without any), and what the examination advised.

    `rows` are the errors of the hidden rows, [seeds][rows]: 0 or 1, or squared errors of a regression (`squared`).
    `first` and `untried` are the first remedy with trials and without them, of those that brute force measured.
    `forecast` holds the low end, the high end and the true error of the forecast for twice the rows; () if there is
    none. `do` are the items of the lists with the verdict "do", `then` those with it after the repair. `repair` is the
    repair of the copy that was examined, () without one: its remedy and what was changed; `repaired` are what `rows`
    are, on top of it. `bugs` is what failed by a fault of diagnose.
    """

    name: str
    family: str
    state: str
    rows: dict[str, tuple[tuple[float, ...], ...]]
    squared: bool
    first: str
    untried: str
    do: tuple[str, ...]
    forecast: tuple[float, ...]
    then: tuple[str, ...] = ()
    repair: tuple[str, ...] = ()
    repaired: dict[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)
    bugs: tuple[str, ...] = ()

    @property
    def after_repair(self) -> "Outcome | None":
        """The same of the repaired model; None if no copy was repaired."""
        return replace(self, rows=self.repaired, do=self.then, repaired={}) if self.repaired else None

    @cached_property
    def errors(self) -> dict[str, float]:
        """The hidden error by remedy: a share or an RMSE, the mean over seeds."""
        by_seed = {code: np.mean(each, axis=1) for code, each in self.rows.items()}
        return {code: float(np.mean(np.sqrt(each) if self.squared else each)) for code, each in by_seed.items()}

    @property
    def best(self) -> str:
        return min(self.errors, key=lambda code: self.errors[code])

    def near_best(self, remedy: str, *, of_seeds: bool = False) -> bool:
        """Whether it is within a standard error of the best: over seeds and hidden rows, or over seeds alone."""
        return not self._apart(remedy, self.best, of_seeds=of_seeds)

    def near_best_of_its_cost(self, remedy: str) -> bool:
        """The same among what costs no days, unless it costs days itself."""
        quick = {code: each for code, each in self.rows.items() if code != MORE_DATA or code == remedy}
        return replace(self, rows=quick).near_best(remedy)

    def share(self, remedy: str) -> float:
        """The share of the possible gain; 1 if there is none to have."""
        possible = self.errors[""] - self.errors[self.best]
        return (self.errors[""] - self.errors[remedy]) / possible if possible > 0 else 1.0

    def helps(self, remedy: str, least: float = 0.0) -> bool:
        """Whether it gains more than a standard error over seeds and rows, and at least this share of the error."""
        gain = self.errors[""] - self.errors[remedy]
        return self._apart("", remedy) and gain >= least * self.errors[""]

    def _apart(self, worse: str, better: str, *, of_seeds: bool = False) -> bool:
        """Whether one has a larger error than the other by more than a standard error of the difference."""
        apart = np.subtract(self.rows[worse], self.rows[better])
        by_seed = apart.mean(axis=1)
        error = by_seed.std(ddof=1) / np.sqrt(len(by_seed)) if of_seeds else crossed_error(apart)[0]
        return bool(apart.mean() > error)


@click.command(help=__doc__)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Number of processes.")
@click.option(
    "--part",
    type=click.Choice(["tuning", "held-out", "fresh", "last", "open", "unseen", "all"]),
    default="all",
    show_default=True,
)
@click.option("--effort", type=click.Choice(["standard", "deep"]), default="deep", show_default=True)
@click.option("--only", multiple=True, help="A pair or a family; may be repeated.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write each pair as a line; the remedies that brute force measured for the pairs in it are not trained again.",
)
def main(*, jobs: int, part: str, effort: str, only: tuple[str, ...], json_file: Path | None) -> None:
    """Run the command."""
    from benchmarks.quality.pairs import PAIRS

    names = [
        pair.name for pair in PAIRS if part in (pair.part, "all") and (not only or {pair.name, pair.family} & {*only})
    ]
    trained = {outcome.name: outcome for outcome in written(json_file)} if json_file and json_file.exists() else {}
    found: list[Outcome] = []
    for outcome in processed(names, jobs, measured, (trained, effort)):
        found.append(outcome)
        click.echo(f"[{len(found)}/{len(names)}] {_line(outcome)}", err=True)
        if json_file:
            with json_file.open("a") as lines:
                lines.write(json.dumps(asdict(outcome)) + "\n")
    click.echo("\n".join(summary(found)))


def written(json_file: Path) -> list[Outcome]:
    """The outcomes of a file."""
    found = []
    for line in json_file.read_text().splitlines():
        told = {key: tuple(value) if isinstance(value, list) else value for key, value in json.loads(line).items()}
        tables = (told.pop(name, {}) for name in ("rows", "repaired"))
        rows, repaired = ({code: tuple(map(tuple, each)) for code, each in table.items()} for table in tables)
        found.append(Outcome(**told, rows=rows, repaired=repaired))
    return found


def measured(name: str, trained: Mapping[str, Outcome], effort: str) -> Outcome:
    """Train, examine, and try every remedy in full, if that was not done before: `trained`, by name."""
    import diagnose
    from benchmarks.quality.pairs import PAIRS
    from diagnose.loading import LoadOptions, subject_from
    from diagnose.subject import Task
    from diagnose.trials.cures import at_rate_tried
    from tests.wards.ward import bugs

    pair = next(pair for pair in PAIRS if pair.name == name)
    rows, model = pair.split(), pair.compiled()
    model.fit(*rows["train"], epochs=pair.epochs, batch_size=pair.batch_size, verbose=0)
    known: dict[str, int] = {"batch_size": pair.batch_size, "epochs": pair.epochs}
    diagnosis, quick = (
        diagnose.examine(model, rows["train"], rows["dev"], effort=each, **known) for each in (effort, "quick")
    )
    verdicts = [verdict for each in diagnosis.verdicts.values() for verdict in each]
    options, hidden = LoadOptions(**known), rows["hidden"]
    subject, more = (subject_from(model, rows[part], hidden, options=options) for part in ("train", "twice"))
    before = trained.get(name)
    found = brute_force(subject, more, before.rows if before else {})
    repair = _repair(diagnosis)
    told = (repair[0].remedy, repair[1].what) if repair else ()
    repaired: dict[str, Errors] = {}
    if repair:
        same = before.repaired if before and before.repair == told else {}
        repaired = brute_force(subject, more, same, at_rate_tried(*repair).intervention.change)
    return Outcome(
        name,
        pair.family,
        str(diagnosis.state),
        found,
        squared=subject.outputs[0].task is Task.REGRESSION,
        first=_first(diagnosis, found),
        untried=_first(quick, found),
        do=tuple(verdict.item for verdict in verdicts if verdict.verdict == "do"),
        forecast=_forecast(more),
        then=tuple(verdict.item for verdict in verdicts if verdict.after_repair == "do"),
        repair=told,
        repaired=repaired,
        bugs=bugs(diagnosis),
    )


def _repair(diagnosis: Any) -> tuple[Any, Any] | None:
    """The repair of the copy that was examined, as a trial and its effect; None if there is none.

    It restores learning, or was seen to lower the dev error.
    """
    from diagnose.reasoning.remedies import REMEDIES
    from diagnose.trials.interventions.optimizer import MORE_STEPS
    from diagnose.trials.joining import Trial

    if all(verdict.after_repair is None for verdicts in diagnosis.verdicts.values() for verdict in verdicts):
        return None
    alone = sorted((effect for effect in diagnosis.effects if not effect.on_top_of), key=lambda one: not one.on_dev)
    cures = {one.remedy: one for one in alone if one.restores or one.likely}
    cures |= {one.remedy: one for one in alone if one.remedy in cures and not one.on_dev}  # with the rate that it chose
    below = [code for effect in diagnosis.effects if effect.after_repair for code in effect.on_top_of]
    restoring = [code for code, one in cures.items() if one.restores]
    advised = [remedy.code for remedy in diagnosis.remedies]
    trials = {remedy.code: remedy.trial for remedy in REMEDIES} | {LONGER: MORE_STEPS}
    ordered = (*below, *(code for code in advised if code in restoring), *advised, *cures)
    found = ((trials[code], code) for code in ordered if code in cures)
    return next(((Trial(code, trial), cures[code]) for trial, code in found if trial is not None), None)


def _first(diagnosis: Any, found: Mapping[str, Errors]) -> str:
    return next((remedy.code for remedy in diagnosis.remedies if remedy.code in found), "")


def brute_force(
    hidden: Any,
    more: Any,
    trained: Mapping[str, Errors],
    repair: Any = lambda own: own,
    seeds: tuple[int, ...] = SEEDS,
) -> dict[str, Errors]:
    """The errors of the dev rows of `hidden` by remedy, on top of a repair; `more` has more training rows.

    What is in `trained` is not trained again.
    """
    from diagnose.measurements import LearningRate
    from diagnose.measuring.bench import Bench
    from diagnose.measuring.learning_rate import learning_rate
    from diagnose.reasoning.remedies import REMEDIES
    from diagnose.settings import Settings
    from diagnose.trials.continuing import PLACES, SIZES
    from diagnose.trials.interventions.optimizer import MORE_STEPS
    from diagnose.trials.paired import plan_of
    from diagnose.trials.plan import TrainingPlan

    with Bench(hidden, Settings()) as bench:
        steps = hidden.training.epochs * -(-hidden.train.rows // hidden.training.batch_size)
        swept = {LearningRate: learning_rate(bench, {})}
        users = replace(plan_of(bench, swept, steps), seeds=seeds)
        own, twice = repair(users), repair(users.changed("twice the rows", train=more.train))
        if not isinstance(own, TrainingPlan):  # the repair changes the task or the rows: errors are not compared
            return {}
        plans: dict[str, TrainingPlan] = {"": own, MORE_DATA: twice}
        for remedy in REMEDIES:
            intervention = remedy.option or remedy.trial
            if intervention is not None and isinstance(changed := intervention.change(own), TrainingPlan):
                plans[remedy.code] = changed
        ends_of = {KEPT: own.steps * np.linspace(1 / MOMENTS, 1, MOMENTS)}
        if own is users:
            ends_of[LONGER] = own.steps * np.array([1, *(1 + SIZES[0] * np.array(PLACES))])
        elif isinstance(longer := MORE_STEPS.change(own), TrainingPlan):
            plans[LONGER] = longer
        found = {code: trained.get(code) or _errors(bench, plan) for code, plan in plans.items()}
        for code, ends in ends_of.items():
            found[code] = trained.get(code) or _stopped(bench, own, ends)
    return {code: errors for code, errors in found.items() if errors}


def _stopped(bench: Any, own: Any, ends: NDArray[Any]) -> Errors:
    """The errors of the hidden rows after the best of several numbers of steps, chosen as `trials.continuing` does."""
    from diagnose.measuring.copying import learning_rates
    from diagnose.trials.continuing import stopped
    from diagnose.trials.paired import trainer_for

    last = round(ends[-1])
    rates = own.rates[0] if last <= own.steps else learning_rates(own.optimizer, last)
    parts = np.split(rates, np.ceil(ends).astype(int)[:-1])
    rows: list[list[Any]] = [[] for _ in parts]  # errors, by place and seed
    with trainer_for(bench, own) as (trainer, starts):
        for seed, start in starts.items():
            trainer.begin(start, seed)
            for place, part in zip(rows, parts, strict=True):
                trainer.run(part)
                place.append(trainer.dev_row_errors()[0])
    return _plain(stopped(np.array(rows)))


def _errors(bench: Any, plan: Any) -> Errors:
    """The errors of the hidden rows; () if the training fails."""
    from diagnose.measurements import NotMeasured
    from diagnose.trials.paired import carried_out, trainer_for

    errors = []
    try:
        with trainer_for(bench, plan) as (trainer, starts):
            for seed, start in starts.items():
                trainer.begin(start, seed)
                carried_out(bench, trainer, plan, plan.rates[0])
                errors.append(trainer.dev_row_errors()[0])
    except NotMeasured:
        return ()
    return _plain(np.array(errors)) if np.isfinite(errors).all() else ()


def _plain(errors: NDArray[Any]) -> Errors:
    return tuple(tuple(float(f"{error:.5g}") for error in each) for each in errors)


def _forecast(more: Any) -> tuple[float, ...]:
    """The 80 % interval of the error with all rows of `more`, forecast from half of them, and the error."""
    from diagnose.measuring.bench import Bench
    from diagnose.measuring.copying import learning_rates
    from diagnose.measuring.power_law import PowerLaws
    from diagnose.measuring.training import own_training
    from diagnose.settings import Settings
    from diagnose.trials.dev_error import DevError
    from diagnose.trials.rows_curve import FEWEST, SHARES

    with Bench(more, Settings()) as bench, own_training(bench) as trainer:
        rows = np.round(np.multiply(SHARES, trainer.rows / 2)).astype(int)
        if rows[0] < FEWEST:
            return ()
        rates = learning_rates(more.model.optimizer, DevError.steps(bench, 1.0))
        errors = np.zeros((len(rows) + 1, len(SEEDS)))
        for number, seed in enumerate(SEEDS):
            order = np.random.default_rng([seed, 3]).permutation(trainer.rows)
            for place, count in enumerate((*rows, trainer.rows)):
                trainer.begin(bench.weights(seed), seed, among=order[:count])
                trainer.run(rates)
                errors[place, number] = trainer.judge_dev().error
    span = PowerLaws.fit(rows, errors[:-1]).interval(trainer.rows)
    return span.low, span.high, float(errors[-1].mean())


def _line(found: Outcome) -> str:
    gain = f"{found.errors['']:.3f} -> {found.errors[found.first]:.3f} ({found.first or 'nothing'})"
    return f"{found.name:24} {found.state:10} {gain:50} best {found.errors[found.best]:.3f} ({found.best or 'nothing'})"


def best_way(outcome: Outcome, item: str) -> str:
    """The best of the measured ways to carry out an item of the lists; "" if none was measured."""
    from diagnose.reasoning.verdicts import WAYS

    return min(
        (way.code for way in WAYS[item] if way.code in outcome.errors),
        key=lambda code: outcome.errors[code],
        default="",
    )


def _judged(when: str, outcomes: list[Outcome]) -> list[str]:
    """How the verdicts "do" and what helps go together, as lines."""
    from diagnose.reasoning.verdicts import WAYS
    from diagnose.trials.dev_error import WORTH
    from tests.wards.ward import Rate

    every = [(one, item, best_way(one, item)) for one in outcomes for item in WAYS if best_way(one, item)]
    done = [one.helps(code) for one, item, code in every if item in one.do]
    lines = [f"{when}: verdicts 'do' that help: {Rate(sum(done), len(done))}"]
    for by, least in (("", 0.0), (f" by {100 * WORTH:.0f} % of the error", WORTH)):
        with_do = [item in one.do for one, item, code in every if one.helps(code, least)]
        lines.append(f"{when}: what helps{by}, with 'do': {Rate(sum(with_do), len(with_do))}")
    return lines


def summary(outcomes: list[Outcome]) -> list[str]:
    """The shares of all pairs, as lines."""
    from tests.wards.ward import Rate

    draw = np.random.default_rng(0)
    orders = {
        "with trials": [one.first for one in outcomes],
        "without trials": [one.untried for one in outcomes],
        "fast.ai's order": [next((code for code in FAST_AI if code in one.errors), "") for one in outcomes],
        "AUTOTRAINER's order": [next((code for code in AUTOTRAINER if code in one.errors), "") for one in outcomes],
        "at random": [str(draw.choice([code for code in one.errors if code])) for one in outcomes],
    }
    lines = [f"{'the first remedy':22}{'near the best':28}{'over seeds alone':28}mean share of the possible gain"]
    for name, chosen in orders.items():
        each = [*zip(outcomes, chosen, strict=True)]
        near, alone = (sum(one.near_best(code, of_seeds=only) for one, code in each) for only in (False, True))
        share = np.mean([np.clip(one.share(code), -1, 1) for one, code in each])
        lines.append(f"{name:22}{Rate(near, len(each))!s:28}{Rate(alone, len(each))!s:28}{share:.2f}")
    quick = sum(one.near_best_of_its_cost(one.first) for one in outcomes)
    then = [one.after_repair or one for one in outcomes]
    held = [low <= true <= high for low, high, true in (one.forecast for one in outcomes if one.forecast)]
    return [
        *lines,
        f"with trials, near the best of what costs no days: {Rate(quick, len(outcomes))}",
        *_judged("of the model as it is", outcomes),
        *_judged(f"once {sum(one.after_repair is not None for one in outcomes)} models are repaired", then),
        f"forecasts for twice the rows inside their 80 % interval: {Rate(sum(held), len(held))}",
        *(f"{one.name}, a bug: {bug}" for one in outcomes for bug in one.bugs),
    ]


if __name__ == "__main__":
    main()
