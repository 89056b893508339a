from collections.abc import Iterator

from diagnose.checks.further_reading import ACTIVATIONS, NOT_WORKING
from diagnose.checks.reading.architecture import (
    LINEAR,
    after,
    applied_activation,
    by_path,
    hidden_layers,
    output_layers,
    passes,
    successors,
)
from diagnose.checks.reading.gaps import lacking_threshold
from diagnose.checks.reading.skills import does_clearly_better, skill_bars
from diagnose.checks.reading.wording import listed, skill_text
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import Baseline, Layer, Network, NotMeasured
from diagnose.registry import check

SPATIAL_PARTS = ("DepthwiseConv", "SeparableConv")  # one half of a factored convolution
LINEAR_OPERATIONS = frozenset(
    {"Add", "Subtract", "Concatenate", "Reshape", "Transpose", "Squeeze", "ExpandDims", "Mean"}
)
AVERAGES = ("AveragePooling", "GlobalAveragePooling")  # linear as well
NORMALISING = ("BatchNormalization", "Normalization", "Rescaling")  # affine once trained
STRAIGHT = ("logistic regression", "ridge")  # the linear baselines


@check("Missing non-linearity", family="network", reading=(ACTIVATIONS, NOT_WORKING))
def missing_nonlinearity(network: Network, baseline: Baseline | None) -> Iterator[Finding]:
    """Looks for layers with weights that follow each other without a non-linearity in between, and for linear models.

    ## What it measures
    The activations along the graph: pairs of layers where a linear one feeds the next directly, recurrent cells without
    activation, and networks in which no hidden layer has an activation. Of a network without a hidden layer, the skill
    on the same rows of linear baselines, and of gradient boosting and nearest neighbours.

    ## Why it matters
    Two linear layers in a row are one linear layer with more parameters. A network without any activation is a linear
    model, however deep; a linear recurrent cell multiplies its state without bound.

    ## How it is decided
    A hidden layer is linear if neither it nor anything between it and the next layer with weights is non-linear. All
    hidden layers linear: an error. Some, or a recurrent cell: a warning. A network without a hidden layer is reported
    only where the data is not linear: a baseline that is not does better than the linear one (their 95 % intervals do
    not overlap) and than the net, by more than 0.25 of skill (an error) or 0.1 (a warning). Exempt are layers narrower
    than both neighbours (low-rank factors, codes of autoencoders), depthwise convolutions and what feeds them, layers
    that feed a merge, several layers or a recurrent one, and layers whose output is normalised or pooled.

    ## Known limits
    Not judged for subclassed models, whose graph is unknown, nor if there are operations outside layers. Custom layers
    count as non-linear.

    ## References
    - Saxe, McClelland, Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
      networks", arXiv:1312.6120
    - Goodfellow, Bengio, Courville 2016, *Deep Learning*, section 6.3
    """
    if not network.graph_known:
        raise NotMeasured(
            "the graph of a subclassed model is unknown, and so is what lies between its layers",
            "Build the model with the functional API.",
        )
    nonlinear = [name for name in network.operations if name not in LINEAR_OPERATIONS]
    if nonlinear:
        raise NotMeasured(
            f"operations outside layers ({listed(nonlinear)}) may lie between the layers",
            "Put these operations into layers.",
        )
    hidden = hidden_layers(network)
    if all(layer.kind in NORMALISING for layer in hidden):
        if baseline is not None and _all_linear(network):
            yield from _too_simple(baseline)
        return
    if _all_linear(network):
        which = f"none of the {len(hidden)} hidden layers has an" if len(hidden) > 1 else "the hidden layer has no"
        yield _finding(Severity.ERROR, f"{which} activation, so the network is a linear model", list(hidden))
        return
    unbounded = [layer for layer in hidden if layer.recurrent and layer.activation == "linear"]
    if unbounded:
        yield _finding(Severity.WARNING, f"the cells of {_paths(unbounded)} have no activation", unbounded)
    pairs = [layer for layer in hidden if _merges_with_next(network, layer)]
    if pairs:
        verb = "feeds" if len(pairs) == 1 else "feed"
        message = f"{_paths(pairs)} {verb} the next layer with no activation in between"
        yield _finding(Severity.WARNING, message, pairs)


def _all_linear(network: Network) -> bool:
    outputs = output_layers(network)
    inner = [layer for layer in network.layers if layer.path not in outputs]
    return all(_linear(layer) for layer in inner)


def _linear(layer: Layer) -> bool:
    if layer.weighted:
        return layer.activation == "linear"
    averages = layer.kind.startswith(AVERAGES)
    normalises = layer.kind in NORMALISING
    merges = layer.kind in ("Add", "Concatenate", "Average", "Subtract")
    return (passes(layer) or averages or normalises or merges) and layer.activation in LINEAR


def _too_simple(baseline: Baseline) -> Iterator[Finding]:
    """Findings for the outputs of a linear model that need another one."""
    for output in baseline.outputs:
        straight = [one for one in output.candidates if one.name in STRAIGHT]
        severity = does_clearly_better(output.best, straight, output.net_skill)
        if severity is not None and output.best.name not in STRAIGHT:
            linear = max(straight, key=lambda one: one.skill)
            yield Finding(
                severity,
                f"the network has no hidden layer, so it is a linear model, and {output.best.name} reaches skill"
                f" {skill_text(output.best.skill)} ({linear.name}: {skill_text(linear.skill)}, the net:"
                f" {skill_text(output.net_skill)})",
                where=Where(output=output.output, split=baseline.held_out),
                value=output.best.skill - linear.skill,
                unit="skill",
                threshold=lacking_threshold(severity),
                rows=output.rows_dev,
                evidence=(skill_bars(output),),
            )


def _merges_with_next(network: Network, layer: Layer) -> bool:
    """Whether this layer and the next one with weights are one linear map without good reason."""
    if applied_activation(network, layer) != "linear" or layer.recurrent or layer.kind.startswith(SPATIAL_PARTS):
        return False
    if len(successors(network, layer.path)) != 1:
        return False
    for following in after(network, layer):
        if following.weighted:
            known = following.activation is not None  # a custom layer may do anything with its input
            factored = following.kind.startswith(SPATIAL_PARTS) or _factor(network, layer, following)
            return known and not following.recurrent and not factored
        if not passes(following) or len(following.inbound) > 1:
            return False
    return False


def _factor(network: Network, layer: Layer, following: Layer) -> bool:
    """Whether it is narrower than its input and its output: a low-rank factor or a code."""
    units, layers = layer.units or 0, by_path(network)
    sources = [layers[path].units for path in layer.inbound if path in layers and layers[path].units]
    width = max((source for source in sources if source is not None), default=layer.fan_in or 0)
    return units < max(width, layer.fan_in or 0) and units < (following.units or 0)


def _paths(layers: list[Layer]) -> str:
    return listed([layer.path for layer in layers])


def _finding(severity: Severity, message: str, layers: list[Layer]) -> Finding:
    table = Table(
        "Layers without activation",
        ("layer", "kind", "units"),
        tuple((layer.path, layer.kind, layer.units) for layer in layers),
    )
    return Finding(
        severity,
        message,
        where=Where(layer=layers[0].path),
        value=float(len(layers)),
        threshold=0.0,
        evidence=(table,),
    )
