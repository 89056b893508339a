"""The program that `legacy` starts: tf-keras opens a model here, in a separate process and folder.

`python -m diagnose.loading.models.legacy_worker SOURCE FOLDER` loads SOURCE (a SavedModel folder, or a file of
Keras 2) and writes into FOLDER:

- of a SavedModel `layers.h5` (config, weights, compile settings), if its layers can be written; of a file
  `saved_model/`, whose endpoint `serve` is the model in inference mode;
- `samples.npz`: `input_0, ...` and `output_0, ...` on a few random rows, `weight_0, ...`;
- `result.json`: further facts, such as the names of the weights.

It ends with status 1 and one line on standard error if tf-keras cannot do that.
"""

import json
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.loading.failures import describe_keras_error

ROWS = 8
_UNKNOWN = 96  # of every axis whose size the model leaves open; enough for the usual image models to pool
_MEMORY = 4 << 30  # bytes, for a model of no size
_COPIES = 12  # of the model: its optimizer has two more of each weight, and both are held twice while they are saved
_WORDS = np.array([b"a good day", b"rain", b"no", b"the film was bad"])

Arrays = list[NDArray[Any]]


def main(source: Path, folder: Path) -> None:
    """Convert the model at `source` into `folder`."""
    _limit_memory(source)
    import tensorflow as tf
    import tf_keras

    model = _load(tf, tf_keras, _with_suffix(source, folder))
    result = {
        "tf_keras": tf_keras.__version__,
        "weights": [weight.name for weight in model.weights],
        "inputs": list(model.input_names or []),
        "outputs": list(model.output_names or []),
    }
    if source.is_dir():
        result["unwritten"] = _write_layers(model, folder / "layers.h5")
    else:
        _write_whole(tf, model, folder / "saved_model")
    inputs, outputs = _samples(tf, model)
    arrays = {"input": inputs, "output": outputs, "weight": [weight.numpy() for weight in model.weights]}
    np.savez(folder / "samples.npz", **{f"{kind}_{i}": a for kind, many in arrays.items() for i, a in enumerate(many)})
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def _limit_memory(source: Path) -> None:
    """Before a small file can take the machine's; TensorFlow itself needs about 1 GiB."""
    try:
        import resource
    except ImportError:  # Windows
        return
    files = [file for file in source.rglob("*") if file.is_file()] if source.is_dir() else [source]
    most = _MEMORY + _COPIES * sum(file.stat().st_size for file in files)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _with_suffix(source: Path, folder: Path) -> Path:
    """tf-keras knows a .keras archive by its suffix alone."""
    if source.suffix == ".keras" or not zipfile.is_zipfile(source):
        return source
    return Path(shutil.copyfile(source, folder / "model.keras"))


def _load(tf: Any, tf_keras: Any, source: Path) -> Any:
    """The model, compiled where it is a SavedModel and its compile settings can be restored."""
    if not source.is_dir():
        return tf_keras.models.load_model(source, compile=False)
    try:
        model = tf_keras.models.load_model(source)
    except Exception:  # noqa: BLE001 - losses of the user's own, for one
        return tf_keras.models.load_model(source, compile=False)
    if getattr(model, "optimizer", None) is not None:
        model.optimizer.iterations.assign(_steps(tf, source))  # which tf-keras leaves at 0
    return model


def _steps(tf: Any, source: Path) -> int:
    """How many steps the optimizer had made, as the checkpoint in the folder says; 0 where it does not."""
    reader = tf.train.load_checkpoint(str(source / "variables" / "variables"))
    known = {"optimizer/_iterations", "optimizer/iter"}
    return sum(int(reader.get_tensor(n)) for n in reader.get_variable_to_shape_map() if n.split("/.")[0] in known)


def _write_layers(model: Any, path: Path) -> str | None:
    """Why the layers could not be written down; None where they were."""
    try:
        model.save(path, save_format="h5")
    except Exception as error:  # noqa: BLE001 - a layer may raise anything when asked for its config
        return describe_keras_error(error).split(". ")[0]
    return None


def _write_whole(tf: Any, model: Any, folder: Path) -> None:
    names = zip(model.inputs, model.input_names, strict=True)
    specs = [tf.TensorSpec(given.shape, given.dtype, name=name) for given, name in names]
    module = tf.Module()
    module.model = model

    @tf.function(input_signature=[specs])  # type: ignore[untyped-decorator]
    def serve(inputs: Any) -> Any:
        return tf.nest.flatten(model(inputs if len(specs) > 1 else inputs[0], training=False))

    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures=None)


# --- samples -------------------------------------------------------------------------------------


def _samples(tf: Any, model: Any) -> tuple[Arrays, Arrays]:
    """Rows that the model takes and what it gives for them; no outputs where they are random."""
    failure: Exception | None = None
    for inputs in _candidates(model.inputs or []):
        try:
            once, again = _outputs(tf, model, inputs), _outputs(tf, model, inputs)
        except Exception as error:  # noqa: BLE001 - codes beyond an embedding, for one
            failure = error
            continue
        repeats = all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(once, again, strict=True))
        return inputs, once if repeats else []
    if failure is not None:
        raise failure
    return [], []


def _outputs(tf: Any, model: Any, inputs: Arrays) -> Arrays:
    model.reset_states()  # only recurrent layers with stateful=True have any
    given = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return [np.asarray(output) for output in tf.nest.flatten(given)]


def _candidates(inputs: list[Any]) -> Iterator[Arrays]:
    """Rows to try: ordinary numbers, then zeros and ones, which are codes to every embedding."""
    if not inputs:
        return
    for draw in (_numbers, _zeros_and_ones):
        random = np.random.default_rng(0)
        yield [draw(random, _shape(given.shape), given.dtype) for given in inputs]


def _shape(shape: Any) -> tuple[int, ...]:
    batch, *row = shape
    return (batch or ROWS, *(size or _UNKNOWN for size in row))


def _numbers(random: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    if dtype.name == "string":
        return random.choice(_WORDS, size=shape)
    if dtype.is_floating:
        return random.normal(size=shape).astype(dtype.as_numpy_dtype)
    return _integers(random, 10, shape, dtype)


def _zeros_and_ones(random: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    return _numbers(random, shape, dtype) if dtype.name == "string" else _integers(random, 2, shape, dtype)


def _integers(random: np.random.Generator, below: int, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    return random.integers(below, size=shape).astype(dtype.as_numpy_dtype)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except Exception as error:  # noqa: BLE001 - the parent process reports it in a sentence
        sys.exit(describe_keras_error(error))
