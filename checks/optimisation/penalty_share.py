"""Whether regularisation penalties outweigh the data in the loss."""

import math
from collections.abc import Iterator

from diagnose.checks.further_reading import ADAMW, L2
from diagnose.checks.reading.gaps import Gap, beaten_clearly, level, scale_of, target_level
from diagnose.checks.reading.regularisers import data_loss
from diagnose.checks.reading.wording import number, percent, skill_text
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import (
    DEV,
    Baseline,
    Evaluation,
    History,
    Layer,
    Network,
    NotMeasured,
    Score,
    SplitScores,
    Unavailable,
    need,
)
from diagnose.registry import check

USUAL = 2.0  # times the constant prediction's loss: fresh weights usually lose less
SHARE = 0.5  # of the whole loss; above, penalties weigh more than the data
SHRUNK = 0.05  # kernel spread times root of fan-in: each layer passes a twentieth of the signal; usual: 1 to 1.4
LOW_SKILL = 0.5  # on train; below, less than half of the constant prediction's error was removed


@check("Penalties outweigh the data", family="optimisation", reading=(L2, ADAMW))
def penalty_share(
    network: Network, evaluation: Evaluation, baseline: Baseline | None, history: History | None
) -> Iterator[Finding]:
    """Compares the regularisation losses with the data loss if the train error is high and the gap small.

    ## What it measures
    The sum of all regularisation losses at the loaded weights as a share of that sum plus the data loss on train; the
    train error; and the gap to dev.

    ## Why it matters
    Regularisation trades train error for a smaller gap. Without a gap to close, it only costs.

    ## How it is decided
    A warning if the share is above 0.5, the dev error does not exceed the train error by more than 2 standard errors,
    and the train error is high: above the target error or above the best baseline's by 2 standard errors, or with a
    skill below 0.5. A share alone says nothing: as the data loss goes to zero, every penalty outweighs it. Once a
    penalty has pulled the weights to zero, its own share is small again. So it is also a warning if, at a skill below
    0.5, the kernel of a layer under a penalty or weight decay has shrunk to a twentieth of the spread that preserves
    the signal; or if penalties and terms that layers add (`add_loss`, as the KL term of an autoencoder) were more than
    half of the loss in the first step of every replay.

    ## Known limits
    Dropout is not part of any loss and is not seen here. Penalties on activations are not separated from those on
    weights. For custom losses, the data loss is the log loss or the squared error, whatever the model was compiled
    with, unless the compiled loss could be evaluated.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapters 25 and 27
    - Goodfellow, Bengio, Courville 2016, "Deep Learning", section 7.1
    """
    train = need(evaluation.train)
    shrunk = _shrunk(network)
    failed = [score for score in train.scores if not score.skill >= LOW_SKILL]
    if shrunk is not None and failed:
        yield _collapsed(network, min(failed, key=lambda score: (score.skill, score.output)), shrunk)
        return
    added = _added_at_start(network, train, history)
    if added is not None and not train.scores[0].skill >= LOW_SKILL:
        yield _drowned(train.scores[0], added)
        return
    data = sum(data_loss(network, score) for score in train.scores)
    share = network.penalty / (network.penalty + data) if network.penalty > 0 and data >= 0 else 0.0
    if not share > SHARE:
        return
    if isinstance(evaluation.dev, Unavailable) and isinstance(evaluation.test, Unavailable):
        raise NotMeasured("without a dev set the gap that a penalty should close is unknown", DEV)
    held_out = evaluation.dev if isinstance(evaluation.dev, SplitScores) else need(evaluation.test)
    for score, other in zip(train.scores, held_out.scores, strict=True):
        if not _has_gap(score, other) and _is_high(score, network, baseline):
            yield _outweighed(network, score, share, data, held_out.split)


def _outweighed(network: Network, score: Score, share: float, data: float, held_out: str) -> Finding:
    return Finding(
        Severity.WARNING,
        f"penalties make up {percent(share)} of the loss ({number(network.penalty)} against a data loss of"
        f" {number(data)}), while train skill is {skill_text(score.skill)} and there is no gap to {held_out}",
        Where(output=score.output, split="train"),
        value=share,
        threshold=SHARE,
        rows=score.rows,
        evidence=(Bars("Parts of the training loss", ("data", "penalties"), (data, network.penalty), "loss"),),
    )


def _added_at_start(network: Network, train: SplitScores, history: History | None) -> float | None:
    """The share of the loss that penalties and `add_loss` make up at the first step, if that is above `SHARE`.

    It is the smallest of all seeds, as the loss of the first step is that of one batch; later steps may have raised the
    data loss already. Only where the data loss is the one that `Run.train_loss` holds: log losses in it are bounded, so
    a net that is sure and wrong, as with inputs of 1,000, seems to lose less than it does.
    """
    head = network.heads[0] if len(network.heads) == len(train.scores) == 1 else None
    if history is None or head is None:
        return None
    classifies = head.output.task.classifies
    if not (classifies and "crossentropy" in head.output.loss) and head.output.loss != "mean_squared_error":
        return None
    shares = [
        1 - float(run.train_loss[0]) / float(run.step_losses[0])
        for run in history.runs
        if len(run.train_loss)
        and len(run.step_losses)
        and run.step_losses[0] > 0
        and not (classifies and run.train_loss[0] > USUAL * (history.constant_loss or 0.0))
    ]
    return min(shares) if shares and min(shares) > SHARE else None


def _drowned(score: Score, share: float) -> Finding:
    return Finding(
        Severity.WARNING,
        f"at the start, penalties and losses that layers add make up {percent(share)} of the loss, and train skill ends"
        f" at {skill_text(score.skill)}",
        Where(output=score.output, split="train"),
        value=share,
        threshold=SHARE,
        rows=score.rows,
        evidence=(Bars("Parts of the training loss at the start", ("data", "added"), (1 - share, share), "share"),),
    )


def _penalised(network: Network) -> list[Layer]:
    """The weight layers that a penalty, or weight decay, pulls to zero."""
    decays = network.settings.get("weight_decay", 0.0) > 0
    return [layer for layer in network.layers if layer.weighted and (layer.regularized or decays)]


def _size(layer: Layer) -> float:
    """The kernel's spread over the one that preserves the signal: 1 to 1.4 at the usual initialisations."""
    return (layer.kernel_std or 0.0) * math.sqrt(layer.fan_in or 0)


def _shrunk(network: Network) -> Layer | None:
    """The penalised layer that was pulled closest to zero, if that is close enough to stop the signal."""
    known = [layer for layer in _penalised(network) if layer.kernel_std is not None and layer.fan_in]
    smallest = min(known, key=_size, default=None)
    return smallest if smallest is not None and _size(smallest) < SHRUNK else None


def _collapsed(network: Network, score: Score, layer: Layer) -> Finding:
    layers = _penalised(network)
    return Finding(
        Severity.WARNING,
        f"the penalty has shrunk the kernel of layer {layer.path} to {number(_size(layer))} of the scale that"
        f" preserves the signal, while train skill is {skill_text(score.skill)}",
        Where(output=score.output, layer=layer.path),
        value=_size(layer),
        threshold=SHRUNK,
        rows=score.rows,
        evidence=(
            Bars(
                "Kernel spread times root of fan-in, penalised layers",
                tuple(one.path for one in layers),
                tuple(_size(one) for one in layers),
                threshold=SHRUNK,
                healthy=(0.5, 2.0),
                log=True,
            ),
        ),
    )


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
