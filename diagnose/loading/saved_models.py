"""SavedModel folders: taken apart into Keras layers where the file keeps them, else run as a whole.

Loading one runs code of the file, so both need `trust`. What Keras 2 saved is converted by tf-keras in a process of
its own; what `model.export` or `tf.saved_model.save` wrote keeps no layers and is run by TensorFlow here.
"""

import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from diagnose.errors import InputError
from diagnose.loading import legacy
from diagnose.loading.comparing import compare
from diagnose.loading.files import ModelFile, read_model_file
from diagnose.loading.models import LoadedModel, load_model, restored
from diagnose.loading.options import LoadOptions
from diagnose.loading.whole import WHOLE, wrap

RUNS_CODE = "is a SavedModel, which runs code of the file when it is loaded: pass --trust if you trust the file"


def load_saved_model(file: ModelFile, options: LoadOptions) -> LoadedModel:
    """Load a SavedModel: a folder, or a zip archive of one.

    Raises:
        InputError: it is not trusted, cannot be converted or run, or came out different.
    """
    if not options.trust:
        raise InputError(f"{file.path} {RUNS_CODE}")
    with _unpacked(file) as folder:
        if not _holds_layers(folder):
            return _run_whole(file, folder, options, f"{WHOLE} (it was saved without its Keras layers)")
        file = replace(file, keras=_version(folder))
        with legacy.converted(file.path, folder) as conversion:
            if conversion.layers is None:
                return _run_whole(file, folder, options, f"{WHOLE} ({conversion.unwritten})")
            try:
                loaded = load_model(conversion.layers, options)
            except InputError as error:
                reason = str(error).removeprefix(f"{conversion.layers}: ")
                file = replace(file, training=read_model_file(conversion.layers).training)
                return _run_whole(file, folder, options, f"{WHOLE} ({reason})")
            agreement = compare(file.path, loaded.model, conversion.samples, conversion.weights)
        note = f"the SavedModel was converted with tf-keras {conversion.tf_keras}: {agreement}"
        return replace(loaded, name=file.path.stem, notes=(note, *loaded.notes), facts=_facts(file))


@contextmanager
def _unpacked(file: ModelFile) -> Iterator[Path]:
    if file.path.is_dir():
        yield file.path
        return
    with tempfile.TemporaryDirectory(prefix="diagnose-") as name:
        with zipfile.ZipFile(file.path) as archive:
            archive.extractall(name)  # its members were looked at when the file was read
        inside = next(Path(member).parent for member in file.members if Path(member).name == "saved_model.pb")
        yield Path(name) / inside


def _holds_layers(folder: Path) -> bool:
    """Keras from TensorFlow 2.5 on has a file of its own for them; before, they were part of the graph."""
    return (folder / "keras_metadata.pb").exists() or b"_tf_keras_" in (folder / "saved_model.pb").read_bytes()


def _version(folder: Path) -> str:
    names = [name for name in ("keras_metadata.pb", "saved_model.pb") if (folder / name).exists()]
    found = re.search(rb'"keras_version": ?"([^"]{1,20})"', b"".join((folder / name).read_bytes() for name in names))
    return found.group(1).decode("ascii", "replace") if found else ""


def _run_whole(file: ModelFile, folder: Path, options: LoadOptions, note: str) -> LoadedModel:
    return restored(file, wrap(file.path, folder), options, {}, (note,))


def _facts(file: ModelFile) -> dict[str, str]:
    return {"model": str(file.path), "format": file.format, "keras": file.keras}
