from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_DEEP, RECIPE
from diagnose.checks.reading.skills import skill_bars
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Baseline, Evaluation, OutputBaseline, Score
from diagnose.registry import check
from diagnose.subject import Seen

ENOUGH = 200  # rows; with fewer, a weak signal is easily missed
RARE = 50  # rows outside the most frequent class; with fewer, chance alone hides a signal
FEW_ROWS = 30  # rows; fewer show nothing
NOTHING = 0.05  # skill up to which the network counts as no better than the constant, if there is no interval


@check("Inputs without a usable signal", family="data", needs_task=True, reading=(NOT_DEEP, RECIPE))
def no_signal(baseline: Baseline, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Checks whether simple models or the network find any signal about the target in the inputs.

    ## What it measures
    The skill of scikit-learn's baselines (linear and gradient boosting, among others) on rows they were not trained on,
    against the constant prediction and against the same baselines fitted on shuffled labels; and the skill of the
    network on the same rows.

    ## Why it matters
    If the inputs carry no usable signal about the target, or labels are paired with the wrong rows, no architecture and
    no learning rate helps. Memorising is still possible, so a low training error proves nothing.

    ## How it is decided
    Reported if no baseline beats the constant prediction beyond its interval and beyond shuffled labels, and the
    network does not either (95 %, in error or in loss). An error if the shuffled labels were tried on at least 200
    rows, else a warning. Nothing is reported below 30 rows, or if fewer than 50 rows are outside the most frequent
    class.

    ## Known limits
    This is not a proof: a signal that neither the baselines nor this network can express (the order of tokens, the
    shape of an object anywhere in an image) is not found. A network trained on these rows does not count. A signal that
    is measured elsewhere (`held-out-signal`) refutes the conclusion.

    ## References
    - Ojala, Garriga 2010, "Permutation Tests for Studying Classifier Performance", JMLR 11
    - Zhang, Bengio, Hardt, Recht, Vinyals 2017, "Understanding deep learning requires rethinking generalization",
      arXiv:1611.03530
    """
    for output in baseline.outputs:
        if (
            output.rows_dev < FEW_ROWS
            or output.signal
            or _network_learned(output, baseline, evaluation)
            or _too_rare(output, baseline, evaluation)
        ):
            continue
        rows = "held out from train" if baseline.held_out == "train" else f"of {baseline.held_out}"
        sure = output.null_skill is not None and output.rows_dev >= ENOUGH
        yield Finding(
            Severity.ERROR if sure else Severity.WARNING,
            f"neither the network (skill {number(output.net_skill)}) nor any baseline (best: {output.best.name}, "
            f"skill {number(output.best.skill)}) predicts {output.output} better than the constant prediction on "
            f"{output.rows_dev:,} rows {rows}",
            where=Where(output=output.output, split=baseline.held_out),
            value=output.best.skill,
            unit="skill",
            threshold=_above_best(output),
            rows=output.rows_dev,
            evidence=(skill_bars(output, output.null_skill[1] if output.null_skill is not None else None),),
        )


def _above_best(output: OutputBaseline) -> float | None:
    """The skill that shuffled labels reach, as the threshold; None if the best baseline is above it by chance."""
    limit = output.null_skill[1] if output.null_skill is not None else 0.0
    return limit if output.best.skill <= limit else None


def _too_rare(output: OutputBaseline, baseline: Baseline, evaluation: Evaluation | None) -> bool:
    """Whether nearly all rows are of one class, so that always predicting it is hard to beat."""
    score = _score(output, baseline, evaluation)
    return score is not None and bool(score.actual) and 0 < (1 - max(score.actual)) * output.rows_dev < RARE


def _network_learned(output: OutputBaseline, baseline: Baseline, evaluation: Evaluation | None) -> bool:
    if baseline.net_seen == Seen.YES:
        return False  # it may have memorised these rows
    score = _score(output, baseline, evaluation)
    if score is None:
        return output.net_skill > NOTHING
    return score.beats_constant_error.low > 0 or score.beats_constant_loss.low > 0


def _score(output: OutputBaseline, baseline: Baseline, evaluation: Evaluation | None) -> Score | None:
    if evaluation is None or baseline.held_out == "train":
        return None
    return evaluation.score(baseline.held_out, output.output)
