"""Questions about the graph of a network that several checks ask.

All answers come from `Layer.inbound`. If the graph is unknown (subclassed models), each function gives the answer
that keeps a check silent; its docstring says which.
"""

from collections.abc import Iterator

from diagnose.measurements import Layer, Network

LINEAR = frozenset({None, "linear"})
RECTIFIERS = frozenset({"relu", "relu6"})  # exactly zero, with zero gradient, for every negative input
RELU_LIKE = RECTIFIERS | {"leaky_relu", "prelu", "elu", "gelu", "silu", "swish", "mish", "softplus", "hard_silu"}
SIGMOIDS = frozenset({"sigmoid", "hard_sigmoid"})
TANHS = frozenset({"tanh", "softsign", "hard_tanh"})
GATES = frozenset({"Multiply", "Dot", "Attention", "AdditiveAttention"})  # one of their inputs weights the others

# Layers that neither mix features nor are non-linear: a linear map stays linear across them.
PASSES = (
    frozenset({"InputLayer", "Flatten", "Reshape", "Permute", "RepeatVector", "Identity", "Masking", "Activation"})
    | frozenset({"Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "ActivityRegularization"})
    | frozenset(
        f"{name}{n}D" for name in ("SpatialDropout", "ZeroPadding", "Cropping", "UpSampling") for n in (1, 2, 3)
    )
)


def by_path(network: Network) -> dict[str, Layer]:
    """The layers by their path."""
    return {layer.path: layer for layer in network.layers}


def successors(network: Network, path: str) -> tuple[Layer, ...]:
    """The layers fed by this one; none if the graph is unknown."""
    return tuple(layer for layer in network.layers if path in layer.inbound)


def passes(layer: Layer) -> bool:
    """Whether this layer at most rearranges its input, so that a linear map before it stays the same."""
    return layer.kind in PASSES and not layer.weighted and layer.activation in LINEAR


def after(network: Network, layer: Layer) -> Iterator[Layer]:
    """The layers after this one, up to and including the next one that mixes features or merges, or to a branch."""
    following = successors(network, layer.path)
    while len(following) == 1:
        yield following[0]
        if following[0].weighted or len(following[0].inbound) > 1:
            return
        following = successors(network, following[0].path)


def applied_activation(network: Network, layer: Layer) -> str | None:
    """The activation of a layer, or of an activation layer after it; "linear" if the next mixing layer comes first."""
    if layer.activation not in LINEAR:
        return layer.activation
    for following in after(network, layer):
        if following.weighted or not (passes(following) or following.normalises or following.activation):
            break
        if following.activation not in LINEAR:
            return following.activation
    return layer.activation


def normalised_after(network: Network, layer: Layer) -> bool:
    """Whether its output is normalised before the next mixing layer; unknown graph: whether any layer normalises."""
    if not network.graph_known:
        return any(other.normalises for other in network.layers)
    return any(following.normalises for following in after(network, layer))


def gates(network: Network, layer: Layer) -> bool:
    """Whether its output weights other values (squeeze-and-excitation, mixtures of experts, attention)."""
    return any(following.kind in GATES for following in after(network, layer)) or any(
        following.kind in GATES for following in successors(network, layer.path)
    )


def output_layers(network: Network) -> frozenset[str]:
    """The last layers with weights before each output, and the layers after them.

    Unknown graph: the last layer with weights of each output, in call order.
    """
    paths = {head.layer for head in network.heads}
    if not network.graph_known:
        mixing = [layer.path for layer in network.layers if layer.weighted]
        return frozenset(paths | set(mixing[len(mixing) - len(network.heads) :]))
    layers = by_path(network)
    for head in network.heads:
        layer = layers.get(head.layer)
        while layer is not None and not layer.weighted and len(layer.inbound) == 1:
            layer = layers.get(layer.inbound[0])
            paths |= {layer.path} if layer is not None else set()
    behind = [one.path for path in paths if path in layers for one in after(network, layers[path]) if not one.weighted]
    return frozenset(paths.union(behind))


def hidden_layers(network: Network) -> tuple[Layer, ...]:
    """The layers with weights that are not output layers, in call order."""
    outputs = output_layers(network)
    return tuple(layer for layer in network.layers if layer.weighted and layer.path not in outputs)


def bypassed(network: Network, path: str) -> bool:
    """Whether some path from an input to an output avoids this layer; True if that is unknown."""
    layers = by_path(network)
    heads = [head.layer for head in network.heads]
    if not network.graph_known or any(head not in layers for head in heads):
        return True
    reached: set[str] = set()
    for layer in network.layers:
        if layer.path != path and (not layer.inbound or reached.intersection(layer.inbound)):
            reached.add(layer.path)
    return any(head in reached for head in heads)
