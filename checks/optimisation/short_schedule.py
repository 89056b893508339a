"""Whether the learning rate's schedule is over before the training."""

from collections.abc import Iterator

from diagnose.checks.further_reading import ONE_CYCLE, RATE
from diagnose.checks.reading import rates
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Baseline, Evaluation, History, LearningRate, NotMeasured
from diagnose.registry import check


@check("Schedule that ends too early", family="optimisation", reading=(RATE, ONE_CYCLE))
def short_schedule(
    learning_rate: LearningRate, evaluation: Evaluation | None, history: History | None, baseline: Baseline | None
) -> Iterator[Finding]:
    """Compares what a training with a falling learning rate reached with short trainings at constant rates.

    ## What it measures
    The mean of the schedule's rates over the steps of your training, and the skill on training rows (1 is perfect, 0
    the best constant prediction) of your training and of short ones at constant rates, several seeds each.

    ## Why it matters
    Keras counts `decay_steps` in steps, one for each batch. Given in epochs, the rate is next to zero after a few of
    them, and the rest of the training changes nothing.

    ## How it is decided
    Reported if the mean rate is more than 10 times below the highest one, and your weights, or a replay of your
    training, stay behind the best constant rate by more than 0.1 skill and by more than 2 standard deviations between
    seeds. Not reported if the best constant rate reaches less than 0.25 skill or half of the best baseline's, or where
    the train error is clearly below the dev error and no higher than the best baseline's on new rows: then a better
    fit is not what the model lacks. An error if your training learned nothing, else a warning.

    ## Known limits
    Without the length of your training (`--epochs`) the mean of the schedule is unknown. A schedule that falls by
    less is not judged, although a slower one may do better.

    ## References
    - Goodfellow, Bengio, Courville 2016, "Deep Learning", section 11.4.1
    - Smith, Topin 2018, "Super-Convergence", arXiv:1708.07120
    """
    if learning_rate.mean is None:
        raise NotMeasured("the length of the training is unknown", "Pass it: --epochs N.")
    for compared in rates.compare(learning_rate):
        skill = rates.reached(evaluation, history, compared)
        if skill is None or not rates.beyond(compared.rate, learning_rate.mean):
            continue
        best, least = float(compared.best.mean()), max(rates.CLEAR, 2 * rates.deviation(compared.best))
        kept_back = rates.does_well(compared, baseline) and best - skill > least
        if not kept_back or rates.fits_enough(evaluation, baseline, compared.output):
            continue
        yield Finding(
            Severity.ERROR if skill < rates.LEARNED else Severity.WARNING,
            f"the learning rate is {number(compared.rate)} at its highest and {number(learning_rate.mean)} on average"
            f" over your training, so it falls too soon: your training reached skill {max(skill, 0.0):.2f}, and"
            f" {learning_rate.steps} steps at a constant {number(compared.best_rate)} reach {best:.2f}",
            Where(output=compared.output or None),
            value=best - skill,
            unit="skill",
            threshold=least,
            rows=learning_rate.rows,
            evidence=rates.pictures(learning_rate),
        )
