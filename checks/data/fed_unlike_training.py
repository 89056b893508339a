from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import number, percent
from diagnose.findings import Bars, Finding, Interval, Severity
from diagnose.measurements import Baseline, Conversions, Network, Score
from diagnose.registry import check

# Relative fall of the loss. Weights on another scale than in training lose several times their loss; larger inputs
# alone make any net more confident, and so one that was stopped early better: 20 % were seen on a healthy one.
LOSS_FALL = 0.5
GAIN = 0.10  # relative fall of the error that is worth reporting
GOOD = 0.5  # skill that weights fed what they know at least have; larger outputs alone may look less bad
BEHIND = 0.25  # skill by which they may lie behind a baseline: the distance from which a model counts as sick
ERROR_FALL = 0.25  # relative fall of the error that makes what was fed the main fact
ERROR_POINTS = 0.05  # and, for error rates, at least five points of it
WIDER = 1.32  # 2.58 / 1.96: five conversions are tried, so each must hold at 99 % for 95 % in all


@check("Data unlike what the model was trained on", family="data", reading=(RECIPE, NOT_WORKING))
def fed_unlike_training(
    conversions: Conversions, network: Network | None, baseline: Baseline | None
) -> Iterator[Finding]:
    """Tries whether the loaded weights do clearly better on converted inputs.

    ## What it measures
    Loss and error of the loaded weights on the same training rows, as fed and after usual conversions
    (dividing by 255, scaling to -1 ... 1, standardising by column, ...), row by row.

    ## Why it matters
    Weights belong to a preparation of the data. Fed 0-255 pixels, a model that met 0-1 may still rank the
    classes well while its probabilities are nonsense; everything measured from it is then about the feeding,
    not about the model.

    ## How it is decided
    For trained models only. The best conversion must halve the loss, significantly at 99 % in the paired
    comparison, and lower the error by 10 % (larger inputs alone make a net that is right more confident, and so
    lower its loss), and must leave a model with a skill of at least 0.5 that is no more than 0.25 behind the
    best baseline: weights fed what they know do about as well as the data allows. It is an error where the
    error itself falls by a quarter (and by five points of an error rate), else a warning.

    ## Known limits
    Only the named conversions are tried. Preparation with statistics of another data set is found as far as
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
    grave = any(_error_falls(old, new) for old, new in zip(conversions.as_fed, scores, strict=True))
    yield Finding(
        Severity.ERROR if grave else Severity.WARNING,
        f"with inputs as {name} the loss on train falls from {number(fed)} to {number(_total(scores))}"
        f" and {_errors(conversions.as_fed[0], scores[0])}",
        value=1 - _total(scores) / fed,
        threshold=LOSS_FALL,
        interval=Interval(gain.low / fed, gain.high / fed, gain.level),
        rows=conversions.rows,
        evidence=(_bars(conversions),),
    )


def _total(scores: tuple[Score, ...]) -> float:
    return sum(score.loss for score in scores)


def _floors(conversions: Conversions, baseline: Baseline | None) -> list[float]:
    """The least skill, per output, of weights that are fed what they know."""
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
        "Loss of the loaded weights on train, by what they are fed",
        ("as fed", *(name for name, _, _ in tried)),
        (_total(conversions.as_fed), *(_total(scores) for _, scores, _ in tried)),
        unit="loss",
        log=True,
    )
