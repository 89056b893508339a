"""Whether the learning rate is below the range in which this model trains."""

from collections.abc import Iterator

from diagnose.checks.further_reading import FINDER, ONE_CYCLE, RATE
from diagnose.checks.reading import rates
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding
from diagnose.measurements import Baseline, Evaluation, History, LearningRate
from diagnose.registry import check


@check("Learning rate too low", family="optimisation", reading=(RATE, FINDER, ONE_CYCLE))
def learning_rate_too_low(
    learning_rate: LearningRate, evaluation: Evaluation | None, history: History | None, baseline: Baseline | None
) -> Iterator[Finding]:
    """Compares short trainings at the model's own learning rate with the same trainings at higher ones.

    ## What it measures
    The skill on training rows (1 is perfect, 0 the best constant prediction) after short trainings from
    fresh weights at rates around the model's own, several seeds each, all else as it is.

    ## Why it matters
    With steps that are too short a model stands still for as long as anyone has the patience to train it,
    and looks as if it could not learn.

    ## How it is decided
    The own rate lies more than 10 times below the usable range and does worse than the best rate by more
    than 0.1 skill and by more than 2 standard deviations between seeds. Where the user's own weights, or a
    replay of the user's training, come as far as the best rate does, the rate was only slow and nothing is
    said. Nor is anything where the best rate reaches less than 0.25 skill or half of the best baseline's: then
    the rate was not the obstacle. It is an error where the user's own training learned nothing either, else a
    warning.

    ## Known limits
    Every training of the sweep has the same few steps, and a low rate with many more steps ends where a
    high rate ends with few. A low rate, too few steps, a plain optimizer and too large a batch are
    therefore told apart only as far as the user's own weights show what the longer training reached.

    ## References
    - Smith 2017, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186
    - Goodfellow, Bengio, Courville 2016, "Deep Learning", section 11.4.1
    """
    compared = rates.compare(learning_rate)
    skill = rates.reached(evaluation, history)
    outside = rates.beyond(compared.low, compared.rate) and compared.best_rate > compared.rate
    if not outside or not rates.harms(compared, skill, baseline):
        return
    own_training = f", and the user's own training reached {max(skill, 0.0):.2f}" if skill is not None else ""
    yield Finding(
        rates.severity(compared, skill),
        f"learning rate {compared.rate:.3g} is {number(compared.low / compared.rate)} times below the lowest usable one"
        f" ({compared.low:.3g}): {rates.effect(compared, learning_rate.steps)}{own_training}",
        value=compared.difference,
        threshold=compared.threshold,
        interval=compared.interval,
        rows=learning_rate.rows,
        evidence=rates.pictures(learning_rate),
    )
