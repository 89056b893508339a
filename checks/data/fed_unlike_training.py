from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.lag import SAME, lag_of
from diagnose.checks.reading.wording import number, percent
from diagnose.findings import Bars, Finding, Interval, Severity
from diagnose.measurements import Baseline, Conversions, LearningRate, Modes, Network, Score
from diagnose.registry import check

# Relative fall of the loss. A wrong input scale multiplies the loss several times. Larger inputs alone make any net
# more confident, which lowers the loss of a net that was stopped early: by 20 % on a healthy one.
LOSS_FALL = 0.5
GAIN = 0.10  # relative fall of the error that is worth reporting
GOOD = 0.5  # least skill on the right inputs; larger outputs alone may only look less bad
BEHIND = 0.25  # skill by which they may trail a baseline; a model further behind counts as sick
ERROR_FALL = 0.25  # relative fall of the error from which on the inputs are the main problem
ERROR_POINTS = 0.05  # and, for error rates, at least five points of it
WIDER = 1.32  # 2.58 / 1.96: five conversions are tried, so each must hold at 99 % for 95 % in all


@check("Inputs prepared differently than in training", family="data", needs_task=True, reading=(RECIPE, NOT_WORKING))
def fed_unlike_training(
    conversions: Conversions,
    network: Network | None,
    baseline: Baseline | None,
    modes: Modes | None,
    learning_rate: LearningRate | None,
) -> Iterator[Finding]:
    """Tests whether the loaded weights do clearly better on converted inputs.

    ## What it measures
    Loss and error of the loaded weights on the same training rows, as given and after common conversions (dividing by
    255, scaling to -1 ... 1, standardising by column, ...), row by row.

    ## Why it matters
    Weights only work with the preprocessing they were trained with. A model trained on 0-1 pixels and given 0-255
    pixels may still rank the classes well, but its probabilities are meaningless. Every measurement then describes the
    preprocessing, not the model.

    ## How it is decided
    For trained models only. The best conversion must halve the loss, significantly at 99 % in the paired comparison,
    and lower the error by 10 % (larger inputs alone make a correct net more confident and so lower its loss). It must
    also give a skill of at least 0.5 that is at most 0.25 behind the best baseline: on the right inputs, trained
    weights do about as well as the data allows. It is an error if the error itself falls by a quarter (and by five
    points of an error rate), else a warning. Not reported if moving statistics that had no time to settle explain the
    difference: re-estimated on the rows as given, they help as much as the conversion (see moving-statistics).

    ## Known limits
    Only the named conversions are tried. Preprocessing with the statistics of another data set is found only if
    standardising by column comes close to it.

    ## References
    - Sculley et al. 2015, "Hidden Technical Debt in Machine Learning Systems", NeurIPS
    - keras.io, "Keras Applications" (each model expects its own preprocess_input)
    """
    if network is not None and not network.trained:
        return
    fed = _total(conversions.as_fed)
    floors = _floors(conversions, baseline)
    better = [entry for entry in conversions.tried if _holds(conversions.as_fed, entry[1], entry[2], floors)]
    if not better:
        return
    name, scores, gain = max(better, key=lambda entry: entry[2].low)
    if _explained_by_lag(modes, baseline, conversions, learning_rate, scores):
        return
    grave = any(_error_falls(old, new) for old, new in zip(conversions.as_fed, scores, strict=True))
    yield Finding(
        Severity.ERROR if grave else Severity.WARNING,
        f"with inputs as {name}, the loss on train falls from {number(fed)} to {number(_total(scores))}"
        f" and {_errors(conversions.as_fed[0], scores[0])}",
        value=1 - _total(scores) / fed,
        threshold=LOSS_FALL,
        interval=Interval(gain.low / fed, gain.high / fed, gain.level),
        rows=conversions.rows,
        evidence=(_bars(conversions),),
    )


def _explained_by_lag(
    modes: Modes | None,
    baseline: Baseline | None,
    conversions: Conversions,
    rates: LearningRate | None,
    converted: tuple[Score, ...],
) -> bool:
    lag = lag_of(modes, baseline, conversions, rates) if modes is not None else None
    if lag is None or lag.mode != "refreshed" or not lag.cured:
        return False
    same = next((score for score in converted if score.output == lag.better.output), None)
    return same is not None and lag.better.skill >= same.skill - SAME


def _total(scores: tuple[Score, ...]) -> float:
    return sum(score.loss for score in scores)


def _floors(conversions: Conversions, baseline: Baseline | None) -> list[float]:
    """The least skill, per output, that the weights should have on the right inputs."""
    known = {found.output: found.best.skill - BEHIND for found in (baseline.outputs if baseline is not None else ())}
    return [max(GOOD, known.get(score.output, GOOD)) for score in conversions.as_fed]


def _holds(fed: tuple[Score, ...], converted: tuple[Score, ...], gain: Interval, floors: list[float]) -> bool:
    centre, half = (gain.low + gain.high) / 2, (gain.high - gain.low) / 2
    good = all(score.skill >= floor for score, floor in zip(converted, floors, strict=True))
    pairs = list(zip(fed, converted, strict=True))
    worse = any(new.error > old.error for old, new in pairs)
    fewer = any(0 < (1 - GAIN) * old.error >= new.error for old, new in pairs)
    return good and fewer and not worse and centre > WIDER * half and _total(converted) <= (1 - LOSS_FALL) * _total(fed)


def _error_falls(fed: Score, converted: Score) -> bool:
    points = fed.error - converted.error
    enough = points >= ERROR_POINTS if fed.task.classifies else True
    return enough and points >= ERROR_FALL * fed.error > 0


def _errors(fed: Score, converted: Score) -> str:
    write = percent if fed.task.classifies else number
    return f"the error from {write(fed.error)} to {write(converted.error)}"


def _bars(conversions: Conversions) -> Bars:
    tried = conversions.tried
    return Bars(
        "Loss of the loaded weights on train, by input conversion",
        ("as given", *(name for name, _, _ in tried)),
        (_total(conversions.as_fed), *(_total(scores) for _, scores, _ in tried)),
        unit="loss",
        log=True,
    )
