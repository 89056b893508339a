"""A SavedModel that is run as a whole: one layer around the function that it keeps.

Nothing is known of the layers inside. It can be evaluated and differentiated; it cannot be copied or start afresh.
"""

from pathlib import Path
from typing import Any

from diagnose.errors import InputError

WHOLE = (
    "the model is run as a whole by TensorFlow: nothing can be said of the layers inside, and no copy of it be trained"
)
AGAIN = 'save the model as .keras or .h5 with the Keras that made it (model.save("model.keras"))'


def wrap(path: Path, folder: Path, outputs: tuple[str, ...] = ()) -> Any:
    """A Functional model around the one function of the SavedModel in `folder`; its code runs.

    Args:
        path: the user's file, for messages.
        folder: the SavedModel.
        outputs: names of the outputs, where they are known from elsewhere.

    Raises:
        InputError: there is no such one function, or it cannot be run here.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"{path}: a SavedModel runs on TensorFlow, but the backend of Keras is {keras.backend.backend()}: "
            "set KERAS_BACKEND=tensorflow"
        )
    endpoint = _endpoint(path, folder)
    try:
        layer = keras.layers.TFSMLayer(str(folder), call_endpoint=endpoint, name="saved_model")
    except Exception as error:  # TensorFlow raises anything for a damaged one
        raise InputError(f"{path}: TensorFlow cannot load this SavedModel ({_brief(error)}): {AGAIN}") from error
    layer.autocast = False  # the function takes its own types and no others
    specs = _adapt(path, endpoint, layer)
    inputs = [keras.Input(batch_shape=tuple(s.shape), dtype=s.dtype.name, name=_plain(s.name)) for s in specs]
    try:
        given = layer(inputs if len(inputs) > 1 else inputs[0])
    except Exception as error:
        raise InputError(f'{path}: its signature "{endpoint}" cannot be run ({_brief(error)}): {AGAIN}') from error
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], _named(given, outputs), name=_plain(path.stem))


def _endpoint(path: Path, folder: Path) -> str:
    """The signature to run: what `model.export` names so, what `tf.saved_model.save` names so, or the only one."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        graphs = SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs
    except Exception as error:  # protobuf's own errors
        raise InputError(f"{path}: its saved_model.pb is damaged ({_brief(error)}): {AGAIN}") from error
    graph = next((one for one in graphs if "serve" in one.meta_info_def.tags), None)
    names = sorted(name for name in graph.signature_def if not name.startswith("__")) if graph else []
    functions = [*names, *_attributes(graph)]
    for usual in ("serve", "serving_default"):
        if usual in functions:
            return usual
    if len(names) == 1:
        return names[0]
    if not names:
        raise InputError(f"{path}: the SavedModel has no signature, so it is not known how to run it: {AGAIN}")
    raise InputError(
        f'{path}: the SavedModel has the signatures {", ".join(names)}, and none is called "serving_default": '
        "save it again with one"
    )


def _attributes(graph: Any) -> list[str]:
    """Names of what hangs on the saved object itself."""
    nodes = graph.object_graph_def.nodes if graph else []
    return [child.local_name for child in nodes[0].children] if nodes else []


def _adapt(path: Path, endpoint: str, layer: Any) -> list[Any]:
    """Let the layer pass a list of inputs as the function takes them; return what it takes, in this order."""
    import keras
    import tensorflow as tf

    function = layer.call_endpoint_fn
    concrete = getattr(function, "concrete_functions", [function])  # a restored function may have several forms
    structure = concrete[0].structured_input_signature
    specs = [spec for spec in tf.nest.flatten(structure) if isinstance(spec, tf.TensorSpec)]
    fixed = len(specs) != len(tf.nest.flatten(structure))
    if len(concrete) > 1 or fixed or not specs or any(not spec.shape.rank for spec in specs):
        raise InputError(
            f'{path}: its signature "{endpoint}" does not say how rows are passed to it (one tensor with a batch axis '
            f"for each input): {AGAIN}"
        )

    def call(inputs: Any) -> Any:
        flat = keras.tree.flatten(inputs)
        args, kwargs = tf.nest.pack_sequence_as(structure, flat)
        return function(*args, **kwargs)

    layer.call_endpoint_fn = call
    return specs


def _named(given: Any, names: tuple[str, ...]) -> Any:
    """Several outputs go by their names, as `compile` and the data do."""
    import keras

    flat = keras.tree.flatten(given)
    if len(flat) == 1:
        return flat[0]
    if isinstance(given, dict) and not names:
        names = tuple(sorted(given))  # the order in which a dict is flattened
    names = names or tuple(f"output_{index}" for index in range(len(flat)))
    return [keras.layers.Identity(name=_plain(name))(one) for name, one in zip(names, flat, strict=True)]


def _plain(name: str) -> str:
    """Keras takes no slashes in names."""
    return name.replace("/", "_") or "model"


def _brief(error: Exception) -> str:
    from diagnose.loading.models import first_line

    return first_line(error)
