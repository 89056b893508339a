"""Any model and any data become a `Subject`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnose.errors import InputError
from diagnose.loading.options import LoadOptions
from diagnose.subject import Subject

if TYPE_CHECKING:
    from diagnose.loading.data.parts import Part
    from diagnose.loading.models.restoring import LoadedModel

__all__ = ["LoadOptions", "load", "subject_from"]


def load(model_path: Path, data_path: Path | None, options: LoadOptions) -> Subject:
    """Load a model file and its data.

    Args:
        model_path: a model file; its content decides the format, not its name.
        data_path: a data file or a folder.
        options: what the files do not say.

    Raises:
        InputError: model or data cannot be used; one sentence says why and what to pass.
    """
    from diagnose.loading.histories import record_beside
    from diagnose.loading.models.choosing import load_model
    from diagnose.loading.subjects import assemble

    if data_path is None:
        raise InputError("there is no data: pass the folder or file that holds the rows the model was trained on")
    if not data_path.exists():
        raise InputError(f"{data_path}: there is no such data file or folder")
    loaded = load_model(model_path, options)
    record = record_beside(model_path, loaded.training.iterations) if options.history is None else None
    if record is not None:
        options = replace(options, history=record)
        note = f"{record.name}, beside the model, is taken as the record of its training; pass --history for another"
        loaded = replace(loaded, notes=(*loaded.notes, note))
    return assemble(loaded, _parts(loaded, data_path, None, None, options), options, {"data": str(data_path)})


def subject_from(model: Any, train: Any, dev: Any = None, test: Any = None, *, options: LoadOptions) -> Subject:
    """Make a subject of live objects; paths are taken everywhere.

    Args:
        model: a built `keras.Model`, or the path of a saved one.
        train: (x, y) or (x, y, sample_weight) of arrays, lists or dicts by the model's names; a frame (with
            `options.target`); a `tf.data.Dataset`, `keras.utils.PyDataset` or torch `DataLoader`; or a path.
        dev: the same, or None.
        test: the same, or None.
        options: what the objects do not say.

    Raises:
        InputError: model or data cannot be used.
    """
    from diagnose.loading.models.choosing import load_or_adopt
    from diagnose.loading.subjects import assemble

    loaded = load_or_adopt(model, options)
    return assemble(loaded, _parts(loaded, train, dev, test, options), options, {})


def _parts(loaded: "LoadedModel", train: Any, dev: Any, test: Any, options: LoadOptions) -> dict[str, "Part"]:
    """All splits: those in the first source, and the further ones, which replace the splits of the same name."""
    from diagnose.loading.data.parts import require_keys

    if options.loader and not isinstance(train, str | Path):
        raise InputError(f"--loader {options.loader} reads a path: pass the path of the data as train")
    parts = _read(loaded, train, options, "train")
    if "" in parts:
        parts["train"] = parts.pop("")
    further = {"dev": options.dev if dev is None else dev, "test": options.test if test is None else test}
    for split, data in further.items():
        if data is None:
            continue
        found = _read(loaded, data, options, split)
        part = found.get(split) or found.get("") or (next(iter(found.values())) if len(found) == 1 else None)
        if part is None:
            raise InputError(f"{data} holds {', '.join(found)}, but no rows for {split}")
        parts[split] = part
    require_keys(parts.values(), options)
    return parts


def _read(loaded: "LoadedModel", data: Any, options: LoadOptions, what: str) -> dict[str, "Part"]:
    """One source; a loader that the user named reads every path."""
    from diagnose.loading.data.live import live_part
    from diagnose.loading.data.loaders import load_with

    if options.loader and isinstance(data, str | Path):
        return load_with(options.loader, Path(data), loaded.signature, options)
    return dict(live_part(data, loaded.signature, options, what))
