from collections.abc import Iterator
from math import sqrt

from diagnose.checks.further_reading import NOT_DEEP, RECIPE
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Baseline, History, LearningRate, NotMeasured, OutputBaseline
from diagnose.registry import check

LEARNED = 0.1  # skill of a training that counts; seeds of one setting differ by less in 9 of 10 models
DEVIATIONS = 3.0  # standard errors of the skill: the best of several epochs and seeds is looked at


@check("Signal on other rows than dev", family="data", origins=("replay",), reading=(NOT_DEEP, RECIPE))
def held_out_signal(
    baseline: Baseline, history: History | None, learning_rate: LearningRate | None
) -> Iterator[Finding]:
    """Looks for a measurement that finds a signal where the baselines on dev find none.

    ## What it measures
    For an output that no baseline predicts on dev: the skill of a baseline that was fitted and evaluated within train
    or within dev, the skill of short trainings on rows that they did not use, and the skill of trainings that met every
    row at most once.

    ## Why it matters
    "The inputs carry no signal" is a strong statement: it ends the search. A single measurement that does find a signal
    refutes it, and the fault is elsewhere: in the dev set, or in what the baselines cannot express.

    ## How it is decided
    A note if one of these is better than the constant prediction by 0.1 of skill and by 3 standard errors: a baseline
    on rows of its own split that were held out from it; every short training on unseen rows; or every seed of a
    training of at most one epoch.

    ## Known limits
    Trainings of several epochs do not count on their own rows: they may have memorised them.

    ## References
    - Ojala, Garriga 2010, "Permutation Tests for Studying Classifier Performance", JMLR 11
    - Zhang, Bengio, Hardt, Recht, Vinyals 2017, "Understanding deep learning requires rethinking generalization",
      arXiv:1611.03530
    """
    if not baseline.outputs:
        raise NotMeasured("no baseline was fitted", "Run diagnose with baselines: --effort standard.")
    for output in baseline.outputs:
        if output.signal:
            continue
        replays, rates = history and history.of(output.output), learning_rate and learning_rate.of(output.output)
        shown = (_within(output), _replayed(replays), _one_pass(rates))
        for message, skill, rows in (found for found in shown if found is not None):
            yield Finding(
                Severity.INFO,
                f"{message} predicts {output.output} with a skill of {number(skill)}",
                where=Where(output=output.output, split="train"),
                value=skill,
                unit="skill",
                threshold=0.0,
                rows=rows,
            )


Shown = tuple[str, float, int | None]


def _within(output: OutputBaseline) -> Shown | None:
    """The best baseline that was fitted and evaluated within one split."""
    found = max((one for one in output.within if one.signal), key=lambda one: one.skill, default=None)
    if found is None or not found.skill > _clear(found.rows):  # the best of several baselines
        return None
    rows = f"{found.rows:,} other rows of {found.split}"
    return f"{found.name} fitted on {found.split}, on {rows},", found.skill, found.rows


def _replayed(history: History | None) -> Shown | None:
    """The least skill of the short trainings on rows that they did not use."""
    if history is None or not history.runs or not history.dev_rows:
        return None
    least = min(run.final_dev_skill for run in history.runs)
    if not least > _clear(history.dev_rows):
        return None
    rows = "rows held out from train" if history.dev_origin.startswith("held out") else history.dev_origin
    return f"each of {len(history.runs)} short trainings, on {rows},", least, history.dev_rows


def _one_pass(rates: LearningRate | None) -> Shown | None:
    """The least skill at the best rate, if the trainings met every row at most once."""
    if rates is None or not rates.sweep or rates.steps * rates.batch_size > rates.rows:
        return None
    best = max(min(point.skill) for point in rates.sweep)
    return ("every seed of a training of less than one epoch", best, rates.rows) if best > _clear(rates.rows) else None


def _clear(rows: int) -> float:
    """The least skill that counts; the variance of an error rate, and of a squared error by its scale, is at most 1."""
    return max(LEARNED, DEVIATIONS / sqrt(rows))
