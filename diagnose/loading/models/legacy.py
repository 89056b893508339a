"""Models that only tf-keras (Keras 2, still maintained) can open: they are converted in a separate process.

A SavedModel of Keras 2 is taken apart into its layers again; a file whose layers Keras 3 does not have becomes a
SavedModel. Nothing that tf-keras loads ever runs in this process.
"""

import importlib.metadata
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diagnose
from diagnose.errors import BuildError, InputError
from diagnose.loading.models.comparing import compare
from diagnose.loading.models.files import ModelFile
from diagnose.loading.models.safety import check_config
from diagnose.loading.models.saved_function import RUN_AS_A_WHOLE, wrap
from diagnose.loading.models.sizes import check_sizes

TIME_LIMIT = 300  # seconds; importing TensorFlow takes up to 20, a model of 500 MB about as long

# Layers of tf-keras that Keras 3 does not have; none of them runs code from the file.
_LAYERS = {
    "LocallyConnected1D", "LocallyConnected2D", "RandomFourierFeatures", "RandomHeight", "RandomWidth",
    "SlicingOpLambda", "SyncBatchNormalization", "TFOpLambda", "ThresholdedReLU",
}  # fmt: skip
# What TFOpLambda may call: arithmetic, by TensorFlow's public names. Others read and write files.
_FUNCTIONS = ("__operators__.", "math.", "nn.", "linalg.", "signal.", "image.", "keras.activations.", "keras.backend.")
_MORE_FUNCTIONS = {
    "abs", "argmax", "argmin", "argsort", "boolean_mask", "broadcast_to", "cast", "clip_by_norm", "clip_by_value",
    "concat", "cos", "cumsum", "divide", "einsum", "exp", "expand_dims", "eye", "fill", "floor", "gather", "gather_nd",
    "identity", "matmul", "maximum", "meshgrid", "minimum", "multiply", "norm", "one_hot", "ones", "ones_like", "pad",
    "pow", "range", "rank", "reduce_all", "reduce_any", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod",
    "reduce_sum", "repeat", "reshape", "reverse", "roll", "round", "scatter_nd", "shape", "sigmoid", "sign", "sin",
    "size", "slice", "sort", "split", "sqrt", "square", "squeeze", "stack", "stop_gradient", "strided_slice",
    "subtract", "tanh", "tensordot", "tile", "transpose", "unstack", "where", "zeros", "zeros_like", "add",
    "compat.v1.gather", "compat.v1.pad", "compat.v1.squeeze", "compat.v1.transpose", "compat.v1.where",
    "compat.v1.shape", "compat.v1.size",
}  # fmt: skip


@dataclass(frozen=True)
class Conversion:
    """What tf-keras made of a model, in a folder that lives as long as the context.

    `layers` is a model file of Keras 2, `whole` a SavedModel; one of them exists, and `unwritten` says why there are no
    `layers`. `samples` holds inputs, outputs and weights, `weights` the names of the latter, `inputs` and
    `outputs` those of the model's inputs and outputs.
    """

    tf_keras: str
    samples: Path
    weights: tuple[str, ...]
    layers: Path | None = None
    whole: Path | None = None
    unwritten: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@contextmanager
def converted(path: Path, source: Path) -> Iterator[Conversion]:
    """Convert the model at `source` (a file, or a SavedModel folder); messages call it `path`.

    Raises:
        InputError: tf-keras is not installed, cannot load the model, or takes too long.
    """
    if not installed():
        raise InputError(f"{path}: only tf-keras can load this model, and it is not installed: {install()}")
    with tempfile.TemporaryDirectory(prefix="diagnose-") as name:
        folder = Path(name)
        _run(path, source.resolve(), folder)
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        layers, whole = folder / "layers.h5", folder / "saved_model"
        yield Conversion(
            tf_keras=result["tf_keras"],
            samples=folder / "samples.npz",
            weights=tuple(result["weights"]),
            layers=layers if layers.exists() and not result.get("unwritten") else None,
            whole=whole if whole.exists() else None,
            unwritten=result.get("unwritten") or "",
            inputs=tuple(result["inputs"]),
            outputs=tuple(result["outputs"]),
        )


def open_whole(file: ModelFile, error: InputError) -> tuple[Any, tuple[str, ...]]:
    """Open a file that Keras 3 could not build, because of `error`, by tf-keras.

    Returns the model, with all its layers inside one, and notes on it.

    Raises:
        InputError: `error`, if tf-keras would not help either; or the converted model gives other outputs.
    """
    missing = isinstance(error, BuildError) or any(name in _LAYERS for name, _ in _parts(file.config))
    if not file.old or not missing or not _is_harmless(file):
        raise error
    if not installed():
        raise InputError(f"{error}; tf-keras may open it: {install()}") from error
    with ExitStack() as stack:
        try:
            conversion = stack.enter_context(converted(file.path, file.path))
        except InputError:
            raise error from None
        assert conversion.whole is not None
        model = wrap(file.path, conversion.whole, conversion.inputs, conversion.outputs)
        agreement = compare(file.path, model, conversion.samples, conversion.weights)
    reason = str(error).removeprefix(f"{file.path}: ")
    note = f"Keras 3 cannot build this model ({reason}); it was opened by tf-keras {conversion.tf_keras}: {agreement}"
    return model, (note, RUN_AS_A_WHOLE)


def _is_harmless(file: ModelFile) -> bool:
    """Whether the config names only parts of tf-keras that run no code of the file, in sensible sizes."""
    config = {**(file.config or {}), "compile_config": None}
    try:
        check_config(file.path, config, dict.fromkeys(_LAYERS), trust=False)
        check_sizes(file.path, config)
    except InputError:
        return False
    calls = [inner for name, inner in _parts(config) if name in {"TFOpLambda", "SlicingOpLambda"}]
    return all(isinstance(inner, Mapping) and _is_arithmetic(inner.get("function")) for inner in calls)


def _parts(config: Any) -> Iterator[tuple[Any, Any]]:
    """Class name and config of everything that has a class."""
    if isinstance(config, Mapping):
        if isinstance(config.get("class_name"), str):
            yield config["class_name"], config.get("config")
        config = list(config.values())
    for value in config if isinstance(config, list) else ():
        yield from _parts(value)


def _is_arithmetic(name: Any) -> bool:
    return isinstance(name, str) and (name in _MORE_FUNCTIONS or name.startswith(_FUNCTIONS))


def installed() -> bool:
    """Whether tf-keras is installed; it is not imported."""
    return importlib.util.find_spec("tf_keras") is not None


def install() -> str:
    """What to run to get tf-keras.

    It asks for the distribution `tensorflow`; where TensorFlow came under another name (`tensorflow-cpu`), that would
    install a second one over the first.
    """
    found = importlib.metadata.packages_distributions().get("tensorflow", [])
    others = [name for name in found if name != "tensorflow"]
    if not others or "tensorflow" in found:
        return 'run pip install "keras-diagnose[legacy]"'
    version = ".".join(importlib.metadata.version(others[0]).split(".")[:2])
    return f'run pip install --no-deps "tf-keras=={version}.*" (without its dependencies, since you have {others[0]})'


def _run(path: Path, source: Path, folder: Path) -> None:
    command = [sys.executable, "-P", "-m", "diagnose.loading.models.legacy_worker", str(source), str(folder)]
    try:
        ended = subprocess.run(
            command,
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"{path}: tf-keras took more than {TIME_LIMIT} seconds and was stopped: save the model as .keras or .h5 "
            "with the Keras that made it"
        ) from error
    if ended.returncode:
        said = ended.stderr.decode("utf-8", "replace").strip().splitlines()
        why = (
            signal.Signals(-ended.returncode).name if ended.returncode < 0 else said[-1] if said else "no reason given"
        )
        raise InputError(
            f"{path}: tf-keras cannot load this model ({why[:300]}): save it as .keras or .h5 with the Keras that made "
            "it"
        )


def _environment(folder: Path) -> dict[str, str]:
    """Settings of the process: on the CPU, quiet, its settings and temporary files in the folder."""
    found = [str(Path(diagnose.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, found)),
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(folder),
        "TMPDIR": str(folder),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_USE_LEGACY_KERAS": "1",  # so that tf.keras in the model's own code is tf-keras, too
    }
