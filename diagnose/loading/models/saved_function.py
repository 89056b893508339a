"""The function of a SavedModel as one Keras layer, which runs the model as a whole.

The layers inside are unknown. The model can be evaluated and differentiated, but not copied or initialised again.
"""

from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.failures import describe_keras_error
from diagnose.loading.models.files import SAVED_MODEL

Names = tuple[str, ...]
RUN_AS_A_WHOLE = (
    "TensorFlow runs the model as a whole: the layers inside cannot be examined, and no copy of it can be trained"
)
_SAVE_AGAIN = 'save the model as .keras or .h5 with the Keras that made it (model.save("model.keras"))'


def wrap(path: Path, folder: Path, inputs: Names = (), outputs: Names = ()) -> Any:
    """A Functional model around the one function of the SavedModel in `folder`; its code runs.

    Args:
        path: the user's file, for messages.
        folder: the SavedModel.
        inputs: names of the inputs in the order of the model, if that is known.
        outputs: the same for the outputs.

    Raises:
        InputError: there is not exactly one function, or it cannot be run here.
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
    except Exception as error:  # TensorFlow raises many kinds for a damaged one
        raise InputError(
            f"{path}: TensorFlow cannot load this SavedModel ({describe_keras_error(error)}): {_SAVE_AGAIN}"
        ) from error
    layer.autocast = False  # the function takes its own types and no others
    specs = _adapt(path, endpoint, layer, inputs)
    rows = [keras.Input(batch_shape=tuple(s.shape), dtype=s.dtype.name, name=_plain(s.name)) for s in specs]
    given: Any = rows if len(rows) > 1 else rows[0]
    return keras.Model(given, _named(layer(given), outputs), name=_plain(path.stem))


def _endpoint(path: Path, folder: Path) -> str:
    """The signature to run: what `model.export` names so, what `tf.saved_model.save` names so, or the only one."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        graphs = SavedModel.FromString((folder / SAVED_MODEL).read_bytes()).meta_graphs
    except Exception as error:  # protobuf's own errors
        raise InputError(
            f"{path}: its {SAVED_MODEL} is damaged ({describe_keras_error(error)}): {_SAVE_AGAIN}"
        ) from error
    graph = next((one for one in graphs if "serve" in one.meta_info_def.tags), None)
    names = sorted(name for name in graph.signature_def if not name.startswith("__")) if graph else []
    functions = [*names, *_attributes(graph)]
    for usual in ("serve", "serving_default"):
        if usual in functions:
            return usual
    if len(names) == 1:
        return str(names[0])
    if not names:
        raise InputError(f"{path}: the SavedModel has no signature to run: {_SAVE_AGAIN}")
    raise InputError(
        f'{path}: the SavedModel has the signatures {", ".join(names)}, but none is called "serving_default": '
        "save it again with one"
    )


def _attributes(graph: Any) -> list[str]:
    """Names of the attributes of the saved object."""
    nodes = graph.object_graph_def.nodes if graph else []
    return [child.local_name for child in nodes[0].children] if nodes else []


def _adapt(path: Path, endpoint: str, layer: Any, names: Names) -> list[Any]:
    """Let the layer pass a list of inputs as the function takes them; return their specs, in the order of `names`."""
    import keras
    import tensorflow as tf

    function = layer.call_endpoint_fn
    concrete = getattr(function, "concrete_functions", [function])  # a restored function may have several forms
    structure = concrete[0].structured_input_signature
    specs = [spec for spec in tf.nest.flatten(structure) if isinstance(spec, tf.TensorSpec)]
    fixed = len(specs) != len(tf.nest.flatten(structure))
    if len(concrete) > 1 or fixed or not specs or any(not spec.shape.rank for spec in specs):
        raise InputError(
            f'{path}: its signature "{endpoint}" must take one tensor with a batch axis for each input: {_SAVE_AGAIN}'
        )

    places = {_plain(spec.name): place for place, spec in enumerate(specs)}
    order = [places[name] for name in names] if set(names) == set(places) else list(range(len(specs)))

    def call(inputs: Any) -> Any:
        given = dict(zip(order, keras.tree.flatten(inputs), strict=True))
        args, kwargs = tf.nest.pack_sequence_as(structure, [given[place] for place in range(len(specs))])
        return function(*args, **kwargs)

    layer.call_endpoint_fn = call
    return [specs[place] for place in order]


def _named(given: Any, names: Names) -> Any:
    """Several outputs are called by their names, as `compile` and the data call them."""
    import keras

    flat = keras.tree.flatten(given)
    if len(flat) == 1:
        return flat[0]
    if isinstance(given, dict):
        names = names if set(names) == set(given) else tuple(sorted(given))
        flat = [given[name] for name in names]
    names = names or tuple(f"output_{index}" for index in range(len(flat)))
    return [keras.layers.Identity(name=_plain(name))(one) for name, one in zip(names, flat, strict=True)]


def _plain(name: str) -> str:
    """A name that Keras allows: without slashes."""
    return name.replace("/", "_") or "model"
