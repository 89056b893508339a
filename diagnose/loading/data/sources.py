"""What formats of data have in common: the file or folder they look at, and how the right one is found."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from diagnose.errors import InputError
from diagnose.loading.data.listing import IMAGE_SUFFIXES, Tree, list_images, suffix
from diagnose.loading.data.loader_templates import not_understood
from diagnose.loading.data.names import is_junk, read_name
from diagnose.loading.data.parts import Part
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature

_START = 512  # bytes; enough for the first bytes of the formats in use
_LISTED = 8  # names in a message
_LEVELS = 20  # of folders inside folders


@dataclass(frozen=True)
class Format:
    """One way in which people keep data.

    Attributes:
        name: for people.
        recognises: whether a source is in this format: a file by its first bytes, a folder by its entries. It opens
            as few files as it can.
        read: turns a source that it recognises into parts by split. "" stands for rows without a split; the name of
            the file then decides.
        suffixes: the names of its files end in one of these; () for a format of folders.
        example: what to pass, for messages; "" leaves the format out of them.
    """

    name: str
    recognises: Callable[["Source"], bool]
    read: Callable[["Source"], dict[str, Part]]
    suffixes: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True, eq=False)
class Source:
    """A data file or folder, the model it is read for, what the user says, and the formats in their precedence."""

    path: Path
    signature: Signature
    options: LoadOptions
    formats: Sequence[Format]
    within: frozenset[Path] = frozenset()  # the real folders that lead to it

    def at(self, path: Path) -> "Source":
        """The same for another path.

        Raises:
            InputError: links lead back to a folder that was entered before, or there are too many levels.
        """
        within = self.within | {self.path.resolve()} if self.is_folder else self.within
        if len(within) > _LEVELS or (path.is_dir() and path.resolve() in within):
            raise InputError(f"{path}: its folders lead back to themselves or too deep: pass the folder of the data")
        return replace(self, path=path, within=within)

    @cached_property
    def is_folder(self) -> bool:
        return self.path.is_dir()

    @cached_property
    def start(self) -> bytes:
        """The first bytes of a file; empty for a folder.

        Raises:
            InputError: the file cannot be read.
        """
        if self.is_folder:
            return b""
        if not self.path.is_file():
            raise InputError(f"{self.path} is a broken link, a pipe or a device: pass a file or a folder")
        try:
            with self.path.open("rb") as stream:
                return stream.read(_START)
        except OSError as error:
            raise InputError(f"{self.path} cannot be opened ({error.strerror}): allow reading it") from error

    @cached_property
    def entries(self) -> list[Path]:
        """The entries of a folder; empty for a file. See `entries_of`."""
        return entries_of(self.path) if self.is_folder else []

    @cached_property
    def tree(self) -> Tree:
        """All images in a folder and below it."""
        return list_images(self.path)

    def named(self, *suffixes: str) -> list[Path]:
        """The entries of a folder whose names end in one of the suffixes."""
        return [path for path in self.entries if path.suffix.lower() in suffixes]

    def files(self, *suffixes: str) -> list[Path]:
        """The same, without folders, broken links, pipes and devices."""
        return [path for path in self.named(*suffixes) if path.is_file()]


def entries_of(folder: Path) -> list[Path]:
    """The entries of a folder, sorted, without images (there may be a million), junk, and links back to the folder.

    Raises:
        InputError: the folder cannot be opened.
    """
    real = folder.resolve()
    try:
        with os.scandir(folder) as found:
            named = (e for e in found if not is_junk(e.name) and suffix(e.name) not in IMAGE_SUFFIXES)
            return sorted(folder / e.name for e in named if not (e.is_symlink() and _leads_back(e, real)))
    except OSError as error:
        raise InputError(f"{error.filename} cannot be opened ({error.strerror}): allow reading it") from error


def _leads_back(link: "os.DirEntry[str]", folder: Path) -> bool:
    return link.is_dir() and folder.is_relative_to(Path(link.path).resolve())


# --- reading -------------------------------------------------------------------------------------


def read_source(source: Source) -> dict[str, Part]:
    """Read a source in the first of its formats that recognises it.

    Returns:
        split name -> part; "" if the source does not name a split.

    Raises:
        InputError: it is empty, or no format recognises it or can read it.
    """
    if not source.is_folder and not source.start:
        raise InputError(f"{source.path} is empty: pass {_examples(source.formats)}")
    for form in source.formats:
        if form.recognises(source):
            parts = form.read(source)
            return parts if source.is_folder else _named_split(source.path, parts)
    raise _unknown(source)


def _named_split(path: Path, parts: dict[str, Part]) -> dict[str, Part]:
    """The rows of a file without a split belong to the split that the file is named after."""
    split = read_name(path.stem).split
    return {split: parts[""]} if split and set(parts) == {""} else parts


def _unknown(source: Source) -> InputError:
    path, examples = source.path, _examples(source.formats)
    if not source.is_folder:
        message = f"{path} is not in a data format that diagnose reads: pass {examples}"
        return not_understood(message, path, source.signature)
    if not source.entries and not source.tree.count:
        return InputError(f"{path} is an empty folder: put {examples} into it")
    names = ", ".join(entry.name for entry in source.entries[:_LISTED])
    names += ", ..." if len(source.entries) > _LISTED else ""
    message = f"{path} holds no data in a format that diagnose reads ({names}): put {examples} into it"
    return not_understood(message, path, source.signature)


def _examples(formats: Sequence[Format]) -> str:
    """What to pass: formats of files first, since they are simpler."""
    examples = [form.example for form in sorted(formats, key=lambda form: not form.suffixes) if form.example]
    return ", or ".join(filter(None, (", ".join(examples[:-1]), *examples[-1:])))


# --- formats of files ----------------------------------------------------------------------------


def file_format(
    name: str,
    *,
    begins: Callable[[Source], bool],
    read: Callable[[Source], dict[str, Part]],
    suffixes: tuple[str, ...],
    example: str = "",
) -> Format:
    """A format whose files hold inputs and targets together; in a folder there is one file for each split.

    Args:
        name: for people.
        begins: whether a file is in this format.
        read: turns a file into parts.
        suffixes: a folder is in this format if the name of one of its files ends in one of these.
        example: what to pass, for messages.
    """

    def recognises(source: Source) -> bool:
        return bool(source.named(*suffixes)) if source.is_folder else begins(source)

    def read_both(source: Source) -> dict[str, Part]:
        return read_by_split(source, source.named(*suffixes)) if source.is_folder else read(source)

    return Format(name, recognises, read_both, suffixes, example)


def read_by_split(source: Source, files: Sequence[Path]) -> dict[str, Part]:
    """Read the files of a folder that are named after a split, or its only file.

    Raises:
        InputError: no name says which file is which split, or two files hold one split.
    """
    named = [path for path in files if read_name(path.stem).split]
    if not named and len(files) > 1:
        names = ", ".join(path.name for path in files[:_LISTED])
        raise InputError(
            f"{source.path}: the names {names} do not say which file is which split: "
            "name them train, dev and test, or pass one of them"
        )
    parts: dict[str, Part] = {}
    for path in sorted(named or files, key=lambda path: read_name(path.stem).split != "train"):
        for split, part in read_source(source.at(path)).items():
            if split in parts:
                raise InputError(
                    f"{source.path}: {parts[split].origin} and {part.origin} both hold the {split or 'only'} rows: "
                    "keep one of them"
                )
            parts[split] = part
    return parts
