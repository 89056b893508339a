"""Folders that hold further folders of data: one for each split, or a single one."""

from collections.abc import Mapping
from pathlib import Path

from diagnose.errors import InputError
from diagnose.loading.data.names import read_name
from diagnose.loading.data.parts import Part
from diagnose.loading.data.sources import Format, Source, read_source


def _split_folders(source: Source) -> dict[str, Path]:
    """train/, dev/, test/: split -> folder."""
    named = {path: read_name(path.name) for path in source.entries if path.is_dir()}
    return {name.split: path for path, name in named.items() if name.split and not name.role and not name.port}


def _read_split_folders(source: Source) -> dict[str, Part]:
    splits = sorted(_split_folders(source).items(), key=lambda item: item[0] != "train")
    return {split: _only(path, read_source(source.at(path))) for split, path in splits}


def _only(path: Path, parts: Mapping[str, Part]) -> Part:
    if len(parts) != 1:
        raise InputError(f"{path} must hold one split, as its name says, got {', '.join(parts)}")
    return next(iter(parts.values()))


def _inner_folders(source: Source) -> list[Path]:
    return [path for path in source.entries if path.is_dir()]


def _has_one_folder(source: Source) -> bool:
    return len(_inner_folders(source)) == 1


def _read_one_folder(source: Source) -> dict[str, Part]:
    return read_source(source.at(_inner_folders(source)[0]))


SPLIT_FOLDERS = Format(
    "one folder for each split", recognises=lambda source: bool(_split_folders(source)), read=_read_split_folders
)
ONE_FOLDER = Format(  # for example an archive that was unpacked into a folder
    "one folder inside another", recognises=_has_one_folder, read=_read_one_folder
)
