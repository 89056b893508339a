from collections.abc import Iterator

from diagnose.checks.further_reading import FUZZING, NOT_WORKING
from diagnose.checks.reading.wording import counted
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import Network
from diagnose.registry import check

SHOWN = 20  # variables listed in the evidence


@check("Non-finite weights", family="numerics", reading=(FUZZING, NOT_WORKING))
def non_finite_weights(network: Network) -> Iterator[Finding]:
    """Counts NaN and infinite values in the weights and in the optimizer's slots.

    ## What it measures
    The number of NaN or infinite values in every variable of the model: kernels, biases, moving
    statistics, and the slots of the optimizer. The arrays are scanned; nothing is predicted.

    ## Why it matters
    One NaN spreads to every output that depends on it, and training cannot remove it. All other measurements of such a
    model's outputs are meaningless.

    ## How it is decided
    Any such value is an error: no healthy model has one.

    ## Known limits
    Predictions alone would not show it: compiled TensorFlow kernels can turn a NaN pre-activation into 0, so a network
    full of NaN may return plausible probabilities.

    ## References
    - Goodfellow, Bengio, Courville 2016, *Deep Learning*, section 4.1 (overflow and underflow)
    - keras.io, "TerminateOnNaN"
    """
    if not network.non_finite:
        return
    total = sum(count for _, count in network.non_finite)
    worst, most = network.non_finite[0]
    places = counted(len(network.non_finite), "variable")
    yield Finding(
        Severity.ERROR,
        f"{counted(total, 'value')} in {places} {'is' if total == 1 else 'are'} NaN or infinite, {most:,} in {worst}",
        where=Where(layer=worst.rpartition("/")[0] or worst),
        value=float(total),
        threshold=0.0,
        evidence=(Table("Variables with NaN or infinite values", ("variable", "values"), network.non_finite[:SHOWN]),),
    )
