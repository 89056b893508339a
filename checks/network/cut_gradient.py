from collections.abc import Iterator

from diagnose.checks.further_reading import BACKPROP
from diagnose.checks.reading.architecture import by_path
from diagnose.checks.reading.wording import counted, listed, number
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import Backward, Forward, Gradients, History, Network, Unavailable, need
from diagnose.registry import check

SOLVED = 1e-6  # loss; below, zero gradients are expected
OUTAGE = 0.99  # share of a layer's units that never fire: a dead layer explains a zero gradient


@check("Weights without a gradient", family="network", reading=(BACKPROP,))
def cut_gradient(
    backward: Backward, network: Network, forward: Forward | None, history: History | None
) -> Iterator[Finding]:
    """Finds trainable kernels whose gradient is missing or exactly zero on every batch.

    ## What it measures
    The gradient of the data loss for every trainable kernel on several batches, at the loaded weights and, if possible,
    at fresh ones.

    ## Why it matters
    Such a kernel never changes. Something between it and the loss stops the gradient: rounding, argmax, stop_gradient,
    a clipped loss, or a branch that does not reach the loss.

    ## How it is decided
    A kernel without a gradient at both the loaded and fresh weights is an error. At the loaded weights alone it is a
    warning, unless a layer of dead units or a loss of zero explains it. A kernel that no optimizer changes, and that
    moved while the training was watched, is left out: a slow copy of other weights gets no gradient by design.

    ## Known limits
    Without fresh weights, a layer whose units all died late and that was not measured looks the same. Embedding tables,
    whose rows get a gradient only if their token occurs, are not counted.

    ## References
    - tensorflow.org, "Introduction to gradients and automatic differentiation" (cases where gradient returns None)
    - Bengio, Léonard, Courville 2013, "Estimating or Propagating Gradients Through Stochastic Neurons",
      arXiv:1308.3432
    """
    current = need(backward.current)
    if current.loss < SOLVED:
        return
    copies = _copies(history)
    cut = [path for path in _cut(current, network) if path not in copies]
    if not cut:
        return
    fresh = None if isinstance(backward.fresh, Unavailable) else _cut(backward.fresh, network)
    always = [path for path in cut if fresh is not None and path in fresh]
    if always:
        yield _finding(Severity.ERROR, always, current, "at the loaded and at fresh weights")
    elif not _dead(forward):
        yield _finding(Severity.WARNING, cut, current, "at the loaded weights")


def _cut(gradients: Gradients, network: Network) -> list[str]:
    layers = by_path(network)
    return [
        layer.path
        for layer in gradients.layers
        if layer.cut and (layer.path not in layers or layers[layer.path].trainable) and layer.kind != "Embedding"
    ]


def _copies(history: History | None) -> set[str]:
    """The layers that the model's own code moves; what an optimizer moves may be weight decay alone."""
    if history is None or isinstance(history.updates, Unavailable):
        return set()
    return {path for update in history.updates for path, ratio in update.apart.items() if ratio > 0}


def _dead(forward: Forward | None) -> bool:
    """Whether the units of some ReLU layer are dead: then the layers before it get no gradient."""
    if forward is None or isinstance(forward.current, Unavailable):
        return False
    return any(
        layer.activation in ("relu", "relu6") and layer.never.size > 0 and layer.never.mean() >= OUTAGE
        for layer in forward.current.layers
    )


def _finding(severity: Severity, paths: list[str], gradients: Gradients, when: str) -> Finding:
    every = len(paths) == len(gradients.layers)
    which = "no layer" if every else f"{counted(len(paths), 'layer')} ({listed(paths)})"
    return Finding(
        severity,
        f"{which} {'gets any' if every else 'get no' if len(paths) > 1 else 'gets no'} gradient {when}, "
        f"while the loss is {number(gradients.loss)}",
        where=Where(layer=paths[0]),
        value=float(len(paths)),
        threshold=0.0,
        rows=gradients.batches * gradients.batch_size,
        evidence=(
            Table(
                "Gradient by layer, over the size of the weights",
                ("layer", "relative gradient", "cut off"),
                tuple((layer.path, float(layer.relative), "yes" if layer.cut else "no") for layer in gradients.layers),
            ),
        ),
    )
