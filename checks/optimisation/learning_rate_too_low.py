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
    The skill on training rows (1 is perfect, 0 the best constant prediction) after short trainings from fresh weights
    at rates around the model's own, several seeds each, with all other settings unchanged; of each output by itself.

    ## Why it matters
    With steps that are too small, a model hardly moves however long it trains, and looks as if it could not learn.

    ## How it is decided
    Reported if your learning rate lies more than 10 times below the usable range and does worse than the best rate by
    more than 0.1 skill and by more than 2 standard deviations between seeds. Not reported if your weights, or a replay
    of your training, come as far as the best rate: then the rate was only slow. Not reported either if the best rate
    reaches less than 0.25 skill or half of the best baseline's: then the rate is not the obstacle; and not where the
    train error is clearly below the dev error and no higher than the best baseline's on new rows: then a better fit is
    not what the model lacks. An error if your own training learned nothing either, else a warning.

    ## Known limits
    Every training of the sweep has the same few steps, and a low rate with many more steps ends where a high rate ends
    with few. So a low rate, too few steps, a plain optimizer and too large a batch can only be told apart by what your
    own weights reached.

    ## References
    - Smith 2017, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186
    - Goodfellow, Bengio, Courville 2016, "Deep Learning", section 11.4.1
    """
    for compared in rates.compare(learning_rate):
        skill = rates.reached(evaluation, history, compared)
        outside = rates.beyond(compared.low, compared.rate) and compared.best_rate > compared.rate
        if not outside or not rates.harms(compared, skill, baseline):
            continue
        if rates.fits_enough(evaluation, baseline, compared.output):
            continue
        own_training = f", and your own training reached {max(skill, 0.0):.2f}" if skill is not None else ""
        yield rates.finding(
            rates.severity(compared, skill),
            f"learning rate {number(compared.rate)} is {number(compared.low / compared.rate)} times below the lowest"
            f" usable one ({number(compared.low)}): {rates.effect(compared, learning_rate.steps)}{own_training}",
            compared,
            learning_rate,
        )
