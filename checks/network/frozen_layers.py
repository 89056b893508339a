from collections.abc import Iterator

from diagnose.checks.further_reading import ARCHITECTURES, SHAPES
from diagnose.checks.reading.objectives import learned, train_score
from diagnose.checks.reading.wording import counted, listed
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Evaluation, Layer, Network
from diagnose.registry import check

SEVERAL = 2  # layers; a single frozen random projection may be meant
SKILL = 0.5  # on train: the model can learn in spite of the frozen layers


@check("Frozen layers", family="network", reading=(SHAPES, ARCHITECTURES))
def frozen_layers(network: Network, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Finds layers with weights that training does not change.

    ## What it measures
    Which layers with weights have `trainable=False`, their position, and whether their kernels look as their
    initializers draw them (a Kolmogorov-Smirnov test of each kernel with at least 100 weights).

    ## Why it matters
    A frozen layer keeps its weights. In a pretrained backbone this is intended; after a layer that learns, or with
    random weights, it is usually left over from an earlier step.

    ## How it is decided
    No trainable weights at all: an error, or a hint if the model learned before it was frozen. At least two frozen
    layers that look as if they were never trained: a warning. Recurrent ones do not count, as random recurrent layers
    are a known design (echo state networks). A frozen layer that is not known to be pretrained: a warning after a
    trainable layer, unless the model has a train skill of at least 0.5; else a hint.

    ## Known limits
    One in twenty untrained kernels looks trained by chance. A model of random features by design is reported. A missing
    recompile after a change of `trainable` cannot be seen in a file.

    ## References
    - keras.io, "Transfer learning and fine-tuning"
    - Yosinski, Clune, Bengio, Lipson 2014, "How transferable are features in deep neural networks?", arXiv:1411.1792
    """
    mixing = [layer for layer in network.layers if layer.weighted]
    if network.parameters and not network.trainable_parameters:
        works = learned(train_score(evaluation, 0))
        yield _finding(Severity.HINT if works else Severity.ERROR, mixing, "the model has no trainable weights")
        return
    untrained = [layer for layer in mixing if layer.as_drawn and not layer.trainable and not layer.recurrent]
    if len(untrained) >= SEVERAL:
        yield _finding(Severity.WARNING, untrained, _message(untrained, "frozen, but look as if never trained"))
        return
    frozen = [layer for layer in mixing if not layer.trainable and not layer.pretrained]
    trunk = _before_the_first_trainable(mixing)
    later = [layer for layer in frozen if layer.path not in trunk]
    early = [layer for layer in frozen if layer.path in trunk]
    if later:
        score = train_score(evaluation, 0)
        severity = Severity.HINT if score is not None and score.skill >= SKILL else Severity.WARNING
        yield _finding(severity, later, _message(later, "frozen after a layer that learns"))
    if early:
        yield _finding(Severity.HINT, early, _message(early, "frozen and not known to be pretrained"))


def _before_the_first_trainable(mixing: list[Layer]) -> frozenset[str]:
    paths = set()
    for layer in mixing:
        if layer.trainable:
            break
        paths.add(layer.path)
    return frozenset(paths)


def _message(layers: list[Layer], what: str) -> str:
    verb = "is" if len(layers) == 1 else "are"
    return f"{counted(len(layers), 'layer')} with weights {verb} {what}: {listed([layer.path for layer in layers])}"


def _finding(severity: Severity, layers: list[Layer], message: str) -> Finding:
    where = Where(layer=layers[0].path) if layers else Where()
    return Finding(severity, message, where=where, value=float(len(layers)), threshold=0.0)
