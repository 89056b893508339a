"""SavedModel folders: taken apart into Keras layers where the file keeps them, else run as a whole.

Loading one runs code of the file, so both need `trust`. What Keras 2 saved is converted by tf-keras in a process of
its own. What `model.export` or `tf.saved_model.save` wrote keeps no layers, and TensorFlow runs it here.
"""

import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.models import legacy
from diagnose.loading.models.comparing import compare
from diagnose.loading.models.files import SAVED_MODEL, ModelFile, read_model_file
from diagnose.loading.models.opening import load_file
from diagnose.loading.models.restoring import LoadedModel, restored
from diagnose.loading.models.saved_function import RUN_AS_A_WHOLE, wrap
from diagnose.loading.options import LoadOptions

RUNS_CODE = "is a SavedModel, which runs code of the file when it is loaded: pass --trust if you trust the file"


def load_saved_model(file: ModelFile, options: LoadOptions) -> LoadedModel:
    """Load a SavedModel: a folder, or a zip archive of one.

    Raises:
        InputError: it is not trusted, cannot be converted or run, or changed when it was converted.
    """
    if not options.trust:
        raise InputError(f"{file.path} {RUNS_CODE}")
    with _unpacked(file) as folder:
        if not _holds_layers(folder):
            return _run_whole(file, folder, options, "it was saved without its Keras layers")
        file = replace(file, keras=_version(folder))
        with legacy.converted(file.path, folder) as conversion:
            if conversion.layers is None:
                return _run_whole(file, folder, options, conversion.unwritten)
            loaded = _load_layers(file, folder, conversion, conversion.layers, options)
        return replace(loaded, name=file.path.stem, facts=_facts(file))


@contextmanager
def _unpacked(file: ModelFile) -> Iterator[Path]:
    if file.path.is_dir():
        yield file.path
        return
    with tempfile.TemporaryDirectory(prefix="diagnose-") as name:
        with zipfile.ZipFile(file.path) as archive:
            archive.extractall(name)  # its members were checked when the file was read
        inside = next(Path(member).parent for member in file.members if Path(member).name == SAVED_MODEL)
        yield Path(name) / inside


def _holds_layers(folder: Path) -> bool:
    """Keras from TensorFlow 2.5 on has a file of its own for the layers; before, they were part of the graph."""
    return (folder / "keras_metadata.pb").exists() or b"_tf_keras_" in (folder / SAVED_MODEL).read_bytes()


def _version(folder: Path) -> str:
    """The Keras that wrote it, as one of the two files says; "" if neither does."""
    for name in ("keras_metadata.pb", SAVED_MODEL):
        place = folder / name
        found = re.search(rb'"keras_version": ?"([^"]{1,20})"', place.read_bytes()) if place.exists() else None
        if found:
            return found.group(1).decode("ascii", "replace")
    return ""


def _load_layers(
    file: ModelFile, folder: Path, conversion: legacy.Conversion, layers: Path, options: LoadOptions
) -> LoadedModel:
    """Load the layers that tf-keras wrote as any file of Keras 2; if they cannot be built, run the model as a whole."""
    rebuilt = True

    def run_whole(_: ModelFile, error: InputError) -> tuple[Any, tuple[str, ...]]:
        nonlocal rebuilt
        rebuilt = False
        reason = str(error).removeprefix(f"{layers}: ")
        return wrap(file.path, folder, conversion.inputs, conversion.outputs), (f"{RUN_AS_A_WHOLE} ({reason})",)

    try:
        loaded = load_file(read_model_file(layers), options, otherwise=run_whole)
    except InputError as error:
        raise type(error)(str(error).replace(str(layers), str(file.path))) from error
    if not rebuilt:
        return loaded
    agreement = compare(file.path, loaded.model, conversion.samples, conversion.weights)
    note = f"the SavedModel was converted by tf-keras {conversion.tf_keras}: {agreement}"
    return replace(loaded, notes=(note, *loaded.notes))


def _run_whole(file: ModelFile, folder: Path, options: LoadOptions, reason: str) -> LoadedModel:
    return restored(file, wrap(file.path, folder), options, {}, (f"{RUN_AS_A_WHOLE} ({reason})",))


def _facts(file: ModelFile) -> dict[str, str]:
    return {"model": str(file.path), "format": file.format, "keras": file.keras}
