"""Which way a model is opened: by its layers, as a SavedModel, by tf-keras, or live as it is."""

from pathlib import Path
from typing import Any

from diagnose.loading.models import legacy
from diagnose.loading.models.adopting import adopt_model
from diagnose.loading.models.files import read_model_file
from diagnose.loading.models.opening import load_file
from diagnose.loading.models.restoring import LoadedModel
from diagnose.loading.models.saved_models import load_saved_model
from diagnose.loading.options import LoadOptions


def load_or_adopt(model: Any, options: LoadOptions) -> LoadedModel:
    """Load the model at a path, or take a live one.

    Raises:
        InputError: the model cannot be used.
    """
    return load_model(Path(model), options) if isinstance(model, str | Path) else adopt_model(model, options)


def load_model(path: Path, options: LoadOptions) -> LoadedModel:
    """Load a model file of any Keras, repaired where needed, with its weights and compile settings.

    Raises:
        InputError: the file cannot be read, is refused, or needs an option from the user.
    """
    file = read_model_file(path)
    if file.format == "saved_model":
        return load_saved_model(file, options)
    return load_file(file, options, otherwise=legacy.open_whole)
