"""Whether layers with two modes, as BatchNormalization, predict as they were trained."""

from collections.abc import Iterator

from diagnose.checks.further_reading import BATCH_NORM, NOT_WORKING
from diagnose.checks.reading.gaps import error_text
from diagnose.checks.reading.lag import GAIN, GRAVE, SETTLED, Lag, lag_of
from diagnose.checks.reading.wording import listed, number, percent
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Baseline, Conversions, History, LearningRate, Modes, ModeScores, NotMeasured, need
from diagnose.registry import check


@check("Moving statistics", family="network", reading=(BATCH_NORM, NOT_WORKING))
def moving_statistics(
    modes: Modes,
    baseline: Baseline | None,
    conversions: Conversions | None,
    learning_rate: LearningRate | None,
    history: History | None,
) -> Iterator[Finding]:
    """Compares predictions with moving statistics to those with the statistics that training used.

    ## What it measures
    Layers such as BatchNormalization normalise with the statistics of the batch in training, and with moving averages
    of them in `evaluate` and `predict`. The loaded weights are scored on the same training rows with the moving
    statistics, with those of batches of the training's size, and with moving statistics that are re-estimated on
    training rows, the values at which longer training would settle. Dropout and augmentation are off while scoring.

    ## Why it matters
    Moving averages start at 0 and 1 (or at the values of another data set, for a pretrained part) and follow slowly:
    with momentum 0.99, 37 % of the start is left after 100 steps. Until they have arrived, the log of `fit` shows a
    good model, and `evaluate` a bad one, on the very same rows.

    ## How it is decided
    Reported if re-estimated statistics raise the skill on train by 0.05 and take a quarter of the remaining error away,
    significantly at 95 % in the paired comparison by rows. It is an error if the skill rises by 0.25, else a warning;
    a hint if the skill stays below 0.25, 0.25 behind the best baseline, or 0.4 behind the best short training of this
    model, as something else is wrong then. A warning as well if re-estimating does not help, but the statistics of the
    batch halve the error and raise the skill by 0.25: the predictions then depend on the batch. Not reported if the
    statistics had time to settle and a conversion of the inputs helps as much: the rows are then not what the model was
    trained on. While a training runs, it is reported only where more than 1 % of the initial statistics will be left
    after all of its planned steps.

    ## Known limits
    At most 2,000 rows are scored. Layers whose update has no `momentum` are not examined. Predictions with batch
    statistics flatter a model whose batches tell the class.

    ## References
    - Ioffe, Szegedy 2015, "Batch Normalization", arXiv:1502.03167, section 3.1
    - Wu, Johnson 2021, "Rethinking 'Batch' in BatchNorm", arXiv:2105.07576 (re-estimated statistics; section 3)
    """
    if not modes.layers:
        return
    if history is not None and history.running and not _stays(modes, history):
        raise NotMeasured("the moving statistics may still settle", "Read the diagnosis after training.")
    found = lag_of(modes, baseline, conversions, learning_rate)
    if found is None:
        return
    train = need(modes.train)
    layer = max(modes.layers, key=lambda one: one.shift)
    yield Finding(
        _severity(found),
        _message(found, modes),
        where=Where(output=found.moving.output, layer=layer.path, split="train"),
        value=found.gain,
        threshold=GAIN if found.mode == "refreshed" else GRAVE,
        interval=found.interval,
        rows=train.rows,
        evidence=tuple(_bars(scores, found) for scores in (train, modes.dev) if isinstance(scores, ModeScores)),
    )


def _stays(modes: Modes, history: History) -> bool:
    """Whether the statistics will not have settled when the planned steps have been taken."""
    slowest = max(layer.momentum for layer in modes.layers)
    return history.planned is not None and slowest**history.planned > SETTLED


def _severity(found: Lag) -> Severity:
    if not found.cured:
        return Severity.HINT
    return Severity.ERROR if found.gain >= GRAVE and found.mode == "refreshed" else Severity.WARNING


def _message(found: Lag, modes: Modes) -> str:
    before, after = (error_text(score.task, score.error) for score in (found.moving, found.better))
    fall = f"the error on train falls from {before} to {after}"
    names = listed([layer.path for layer in modes.layers], 2)
    if found.mode == "batch":
        rows = f"{modes.batch_size:,} row{'s' * (modes.batch_size != 1)}"
        return f"with the statistics of each batch of {rows} instead of the moving ones of {names}, {fall}"
    return f"with the moving statistics of {names} re-estimated on train, {fall}{_why(modes)}"


def _why(modes: Modes) -> str:
    if modes.steps is None or modes.left is None:
        return ""
    if modes.left < SETTLED:
        return f"; {number(modes.steps)} steps were enough to settle, so they belong to other rows or earlier weights"
    momentum = max(layer.momentum for layer in modes.layers)
    return (
        f"; after {number(modes.steps)} steps at momentum {momentum:g}, {percent(modes.left)} of their initial values"
        " are left"
    )


def _bars(scores: ModeScores, found: Lag) -> Bars:
    place = next(i for i, score in enumerate(scores.moving) if score.output == found.moving.output)
    shown = (scores.moving[place], scores.batch[place], scores.refreshed[place])
    return Bars(
        f"Error on {scores.split}, by the statistics that are used",
        ("moving", "of the batch", "re-estimated"),
        tuple(score.error for score in shown),
        unit="error rate" if found.moving.task.classifies else "RMSE",
    )
