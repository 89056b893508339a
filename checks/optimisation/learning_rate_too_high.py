"""Whether the learning rate is above the range in which this model trains."""

from collections.abc import Iterator

from diagnose.checks.further_reading import CYCLES, FINDER, RATE
from diagnose.checks.reading import rates
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding
from diagnose.measurements import Baseline, Evaluation, History, LearningRate
from diagnose.registry import check


@check("Learning rate too high", family="optimisation", reading=(RATE, FINDER, CYCLES))
def learning_rate_too_high(
    learning_rate: LearningRate, evaluation: Evaluation | None, history: History | None, baseline: Baseline | None
) -> Iterator[Finding]:
    """Compares short trainings at the model's own learning rate with the same trainings at lower ones.

    ## What it measures
    The skill on training rows (1 is perfect, 0 the best constant prediction) after short trainings from fresh weights
    at rates around the model's own, several seeds each, with all other settings unchanged; of each output by itself.

    ## Why it matters
    Steps this large overshoot the minimum or push weights to where the gradient is zero: the loss oscillates or grows
    without bound, or one update kills the units of a layer for good.

    ## How it is decided
    Reported if your learning rate lies above the usable range, does worse than the best rate by more than 0.1 skill and
    by more than 2 standard deviations between seeds, and is either more than 10 times above the range, or learns
    nothing with any seed, or costs 0.25 skill in the sweep and in your own training. Not reported if your weights, or a
    replay of your training, come as far as the best rate: then the rate did no harm. Also reported if your own training
    learned nothing and some seeds of the sweep learn nothing at your rate, while every seed learns at the best one: one
    lucky seed does not clear a rate. Never reported if the best rate reaches less than 0.25 skill or half of the best
    baseline's: then the rate is not the obstacle. An error if your own training learned nothing either, else a warning.

    ## Known limits
    The usable range depends on everything else: unscaled inputs or targets, or initial weights that are too large, make
    a normal rate too high. Then fix those first. The sweep is short and starts from fresh weights: warm-up and
    fine-tuning are not reproduced.

    ## References
    - Smith 2017, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186
    - Goodfellow, Bengio, Courville 2016, "Deep Learning", section 11.4.1
    """
    for compared in rates.compare(learning_rate):
        if compared.rate <= compared.high or compared.best_rate >= compared.rate:
            continue
        skill = rates.reached(evaluation, history, compared)
        loaded = rates.loaded_skill(evaluation, compared)
        gambles = rates.gambles(compared, loaded, history, baseline)
        clear = rates.beyond(compared.rate, compared.high) or compared.fails or rates.far_behind(compared, skill)
        if not gambles and not (clear and rates.harms(compared, skill, baseline)):
            continue
        yield rates.finding(
            rates.severity(compared, loaded if gambles else skill),
            f"learning rate {number(compared.rate)} is {number(compared.rate / compared.high)} times the highest usable"
            f" one ({number(compared.high)}): {rates.effect(compared, learning_rate.steps)}",
            compared,
            learning_rate,
        )
