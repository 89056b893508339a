"""Whether the optimizer is busier with the penalties than with the data."""

from collections.abc import Iterator

from diagnose.checks.gaps import Gap, beaten_clearly, level, scale_of, target_level
from diagnose.checks.wording import number, percent
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Baseline, Evaluation, Network, NotMeasured, Score, SplitScores, Unavailable, need
from diagnose.registry import check

SHARE = 0.5  # of the whole loss: above, penalties weigh more than the data
LOW_SKILL = 0.5  # on train: less than half of what the constant prediction leaves open was learned


@check("Penalties that outweigh the data", family="optimisation")
def penalty_share(network: Network, evaluation: Evaluation, baseline: Baseline | None) -> Iterator[Finding]:
    """Compares the regularisation losses with the data loss where the train error is high and the gap small.

    ## What it measures
    The sum of all regularisation losses at the loaded weights as a share of that sum plus the data loss on
    train; the train error, and the gap to dev.

    ## Why it matters
    Regularisation trades train error for a smaller gap. Where there is no gap to close, it only costs.

    ## How it is decided
    The share is above 0.5, the dev error is not above the train error beyond 2 standard errors, and the
    train error is high: above the target error or above the best baseline's by 2 standard errors, or with a
    skill below 0.5. It is a warning. A share alone says nothing: as the data loss goes to zero every
    penalty outweighs it.

    ## Known limits
    Decoupled weight decay and dropout appear in no loss and are not seen here. For custom losses the data
    loss is the log loss or the squared error, whatever the model was compiled with, unless that could be
    evaluated.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapters 25 and 27
    - Goodfellow, Bengio, Courville 2016, "Deep Learning", section 7.1
    """
    train = need(evaluation.train)
    if network.penalty <= 0:
        return
    data = sum(_data_loss(network, score) for score in train.scores)
    share = network.penalty / (network.penalty + data) if data >= 0 else 0.0
    if not share > SHARE:
        return
    if isinstance(evaluation.dev, Unavailable) and isinstance(evaluation.test, Unavailable):
        raise NotMeasured("without a dev set the gap that a penalty should close is unknown")
    held_out = evaluation.dev if isinstance(evaluation.dev, SplitScores) else need(evaluation.test)
    for score, other in zip(train.scores, held_out.scores, strict=True):
        if _has_gap(score, other) or not _is_high(score, network, baseline):
            continue
        yield Finding(
            Severity.WARNING,
            f"penalties make up {percent(share)} of the loss ({number(network.penalty)} beside a data loss of"
            f" {number(data)}) while train skill is {score.skill:.2f} and there is no gap to {held_out.split}",
            Where(output=score.output, split="train"),
            value=share,
            threshold=SHARE,
            rows=score.rows,
            evidence=(Bars("Parts of the training loss", ("data", "penalties"), (data, network.penalty), "loss"),),
        )


def _data_loss(network: Network, score: Score) -> float:
    weights = {head.output.name: head.output.weight for head in network.heads}
    return weights.get(score.output, 1.0) * (score.own_loss if score.own_loss is not None else score.loss)


def _has_gap(train: Score, held_out: Score) -> bool:
    scale = scale_of(train)
    return Gap(level(train, scale), level(held_out, scale)).counts


def _is_high(score: Score, network: Network, baseline: Baseline | None) -> bool:
    if not score.skill >= LOW_SKILL:
        return True
    target = target_level(network, score)
    if target is not None:
        return Gap(target, level(score, scale_of(score))).counts
    return any(
        beaten_clearly(one, score.task) for one in (baseline.outputs if baseline else ()) if one.output == score.output
    )
