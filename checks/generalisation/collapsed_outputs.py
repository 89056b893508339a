"""Whether an output that is judged by its own loss is the same for every row."""

from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import counted, number, percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import DOES_NOT_APPLY, Evaluation, Network, NotMeasured, Score, need
from diagnose.registry import check
from diagnose.subject import Task

TOLD = 0.001  # share of the loss
SPREAD = 0.01  # deviation between rows over the size of the outputs; fresh nets have 0.05 and more, collapsed ones 1e-6
FEW_ROWS = 20  # fewer may be alike by chance


@check("Collapsed outputs", family="generalisation", reading=(NOT_WORKING, RECIPE))
def collapsed_outputs(evaluation: Evaluation, network: Network | None) -> Iterator[Finding]:
    """Compares the outputs of different rows, for outputs that are judged by the user's own loss.

    ## What it measures
    On train: the standard deviation of the outputs between rows over their root mean square, the median distance of
    two rows, the effective number of dimensions in which they vary, and the own loss against that of a constant output.

    ## Why it matters
    An embedding that maps every row to the same point has thrown away its input. Many losses that compare rows
    (triplets, contrastive pairs, self-supervised ones) then stand still at a level such as their margin, which looks
    like convergence.

    ## How it is decided
    An error if the outputs deviate between rows by less than 1 % of their size, and the own loss is not better than
    that of the best constant output at 95 %. Where only a `train_step` knows the outputs: if the loss changes by less
    than 0.1 % when every layer gives all rows of a batch the mean of its outputs.

    ## Known limits
    Outputs with a task are left to the check on constant predictions. Outputs that vary in few of their dimensions are
    described and not judged: two classes need one dimension only.

    ## References
    - Schroff, Kalenichenko, Philbin 2015, "FaceNet: A Unified Embedding for Face Recognition and Clustering", section
      3.2 (hardest negatives collapse the model), arXiv:1503.03832
    - Jing, Vincent, LeCun, Tian 2022, "Understanding Dimensional Collapse in Contrastive Self-supervised Learning",
      arXiv:2110.09348
    - Roy, Vetterli 2007, "The effective rank: a measure of effective dimensionality", EUSIPCO
    """
    train = need(evaluation.train)
    own = [score for score in train.scores if score.task is Task.OWN_LOSS]
    if not own:
        raise NotMeasured("every output has a task, and is judged by it", DOES_NOT_APPLY)
    if network is not None and not network.trained:
        raise NotMeasured("the model was never trained", "Train the model, then examine it again.")
    for score in own:
        if score.rows >= FEW_ROWS and _collapsed(score):
            yield _finding(score)


def _collapsed(score: Score) -> bool:
    if score.outputs is not None:
        same = score.outputs.relative < SPREAD
    else:
        same = score.told is not None and score.told < TOLD
    return same and not score.beats_constant_loss.low > 0


def _finding(score: Score) -> Finding:
    spread = score.outputs
    if spread is None:
        return Finding(
            Severity.ERROR,
            f"on train the own loss is {number(score.error)}, and changes by {percent(score.told or 0.0)} if every"
            " layer gives all rows of a batch the same: the model does not tell rows apart",
            Where(output=score.output, split="train"),
            value=score.told,
            threshold=TOLD,
            rows=score.rows,
        )
    return Finding(
        Severity.ERROR,
        f"on train the outputs of {counted(spread.rows, 'row')} are all but the same: between rows they deviate by"
        f" {percent(spread.relative)} of their size, and the median distance of two rows is {number(spread.distance)};"
        f" the own loss is {number(score.error)}, and {number(score.constant_error)} for a constant output",
        Where(output=score.output, split="train"),
        value=spread.relative,
        threshold=SPREAD,
        rows=spread.rows,
    )
