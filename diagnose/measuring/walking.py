"""Finds the layers of a model and their connections.

A *part* is a layer that counts as one: a Keras layer (including wrappers, recurrent and attention layers with their
sublayers) or a custom layer without sublayers. Models and custom layers with sublayers are containers; their
sublayers are parts. A container with weights of its own is a part, too.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

MERGES = frozenset({"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"})


@dataclass(frozen=True)
class Part:
    """One layer in its model. `path` joins the names of its containers and its own, without the model's name.

    `inner` is the layer that computes: the wrapped layer of a wrapper, the cell of an RNN, else the layer itself.
    `inbound` holds the paths of its input parts.
    """

    path: str
    layer: Any
    inner: Any
    kind: str
    inbound: tuple[str, ...] = ()


@dataclass(frozen=True)
class Walk:
    """All parts in call order. `ends` has the paths of the parts that give each output of the model.

    If a container has no graph (subclassed), `graph_known` is False, `inbound` and `ends` are empty, and the order is
    that in which the layers were attached. `merges`: an operation merges two paths. `operations`: class names of
    the `keras.ops` called outside layers.
    """

    parts: tuple[Part, ...]
    ends: tuple[tuple[str, ...], ...]
    graph_known: bool
    merges: bool
    operations: tuple[str, ...] = ()

    def at(self, path: str) -> Part | None:
        return next((part for part in self.parts if part.path == path), None)


def walk(model: Any) -> Walk:
    """List the parts of a built model in call order, without running it."""
    graph = _Graph()
    graph.visit(model, "", None)
    parts = graph.parts()
    if graph.known:
        return Walk(parts, tuple(graph.ends), True, graph.merges, tuple(graph.operations))
    merges = graph.merges or any(part.kind in MERGES for part in parts)
    return Walk(tuple(replace(part, inbound=()) for part in parts), (), False, merges)


Sources = tuple[str, ...]


class _Graph:
    """Collects parts and connections during the walk."""

    def __init__(self) -> None:
        self._layers: dict[int, tuple[str, Any]] = {}
        self._inbound: dict[int, dict[str, None]] = {}
        self._paths: Counter[str] = Counter()
        self.known = True
        self.merges = False
        self.operations: dict[str, None] = {}
        self.ends: list[Sources] = []

    def parts(self) -> tuple[Part, ...]:
        return tuple(
            Part(path, layer, _inner(layer), _kind(layer), tuple(self._inbound[key]))
            for key, (path, layer) in self._layers.items()
        )

    def visit(self, container: Any, prefix: str, feeds: list[Sources] | None) -> list[Sources]:
        """Walk through a container; return the paths that give each output. `feeds` is None for the model itself."""
        function = _function(container)
        if function is not None:
            outputs = self._visit_function(function, prefix, feeds)
        else:
            self.known = False
            outputs = [self._visit_sublayers(container, prefix)]
        if feeds is None:
            self.ends = outputs
        return outputs

    def _visit_function(self, function: Any, prefix: str, feeds: list[Sources] | None) -> list[Sources]:
        import keras

        produced: dict[int, Sources] = {}
        if feeds is not None:
            produced.update((id(tensor), feeds[i % len(feeds)]) for i, tensor in enumerate(function.inputs))
        for node in _calls(function):
            tensors = node.arguments.keras_tensors
            if node.is_input and feeds is not None:
                continue
            tensors = [tensor for tensor in node.arguments.keras_tensors if tensor.dtype != "bool"]  # without masks
            sources = [produced.get(id(tensor), ()) for tensor in tensors]
            joined = tuple(dict.fromkeys(path for source in sources for path in source))
            outputs = self._visit_operation(node.operation, prefix, sources, joined)
            for i, tensor in enumerate(node.outputs):
                produced[id(tensor)] = outputs[i % len(outputs)]
        return [produced.get(id(tensor), ()) for tensor in keras.tree.flatten(function.outputs)]

    def _visit_operation(self, operation: Any, prefix: str, each: list[Sources], joined: Sources) -> list[Sources]:
        import keras

        if not isinstance(operation, keras.layers.Layer):  # a bare operation: x + y
            self.merges |= len(set(each)) > 1
            self.operations[type(operation).__name__] = None
            return [joined]
        if is_container(operation):
            outputs = self.visit(operation, f"{prefix}{operation.name}/", each or [()])
            return self._own(operation, prefix, joined) or outputs
        self.merges |= type(operation).__name__ in MERGES and len(set(each)) > 1
        return [(self._add(operation, prefix, joined),)]

    def _visit_sublayers(self, container: Any, prefix: str) -> Sources:
        last: Sources = ()
        for layer in _sublayers(container):
            if is_container(layer):
                last = self.visit(layer, f"{prefix}{layer.name}/", [()])[-1]
                self._own(layer, prefix, ())
            else:
                last = (self._add(layer, prefix, ()),)
        return last

    def _own(self, container: Any, prefix: str, inbound: Sources) -> list[Sources]:
        """Add a container with weights of its own as a part."""
        if _is_model(container) or not (container._trainable_variables or container._non_trainable_variables):
            return []
        return [(self._add(container, prefix, inbound),)]

    def _add(self, layer: Any, prefix: str, inbound: Sources) -> str:
        key = id(layer)
        if key not in self._layers:
            path = prefix + layer.name
            self._paths[path] += 1
            self._layers[key] = (path if self._paths[path] == 1 else f"{path}#{self._paths[path]}", layer)
            self._inbound[key] = {}
        path = self._layers[key][0]
        self._inbound[key].update(dict.fromkeys(source for source in inbound if source != path))
        return path


def is_container(layer: Any) -> bool:
    """Whether a layer is a model or a custom layer with sublayers."""
    return _is_model(layer) or (not type(layer).__module__.startswith("keras.") and bool(_sublayers(layer)))


def _is_model(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.Model)


def _function(container: Any) -> Any | None:
    """The graph of a Functional or built Sequential model."""
    found = getattr(container, "_functional", None) or container
    return found if hasattr(found, "_nodes_by_depth") else None


def _calls(function: Any) -> Iterator[Any]:
    for depth in sorted(function._nodes_by_depth, reverse=True):
        yield from function._nodes_by_depth[depth]


def _sublayers(container: Any) -> list[Any]:
    """Direct sublayers."""
    return list(container._flatten_layers(include_self=False, recursive=False))


def _inner(layer: Any) -> Any:
    """The innermost layer of wrappers, or the cell of an RNN."""
    wrapped = _wrapped(layer)
    return layer if wrapped is None else _inner(wrapped)


def _wrapped(layer: Any) -> Any | None:
    if not type(layer).__module__.startswith("keras."):
        return None
    candidates = (vars(layer).get(name) for name in ("forward_layer", "layer", "cell"))
    return next((candidate for candidate in candidates if hasattr(candidate, "weights")), None)


def _kind(layer: Any) -> str:
    """The class name; for a wrapper or a generic RNN followed by the wrapped class in brackets."""
    name, wrapped = type(layer).__name__, _wrapped(layer)
    wraps = wrapped is not None and (name == "RNN" or not hasattr(layer, "cell"))
    return f"{name}({type(wrapped).__name__})" if wraps else name


def kernels(part: Part) -> list[Any]:
    """Return the variables that mix features: dense, convolution, recurrent and projection kernels."""
    own = type(part.layer).__module__.startswith("keras.")
    found = [weight for weight in part_weights(part) if len(weight.shape) >= 2]
    if own:
        return [weight for weight in found if "kernel" in weight.name]
    return [weight for weight in found if "embed" not in weight.name.lower() and weight.trainable]


def part_weights(part: Part) -> list[Any]:
    """Return all weights of a part; for a container only its own."""
    if is_container(part.layer):
        return [*part.layer._trainable_variables, *part.layer._non_trainable_variables]
    return list(part.layer.weights)
