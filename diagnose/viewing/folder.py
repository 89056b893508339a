"""A folder of results: lists and reads its files."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from diagnose.viewing.runs import Run, Stamp, read

FRESH = 1.0  # seconds for which a listing of the folder is reused


@dataclass(frozen=True)
class Listing:
    """The results of a folder at one moment, newest file first. `unread`: number of files not read yet."""

    stamps: dict[str, Stamp]
    runs: tuple[Run, ...]
    unread: int

    @property
    def version(self) -> str:
        """A text that changes when a file is added, removed or changed, and when all files have been read."""
        return f"{hash((frozenset(self.stamps.items()), self.unread == 0)) & 0xFFFFFFFFFFFFFFFF:x}"


class Folder:
    """The results in one folder, without subfolders. Links are not followed.

    A thread reads the files, newest first, so that a page never waits for 10,000 files. Each file is read again only
    when it changes. Results are kept in memory; nothing is written.
    """

    patience: ClassVar[float | None] = 0.12  # seconds that a page waits for files being read; None: until all are

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._known: dict[str, Run] = {}
        self._stamps: dict[str, Stamp] = {}
        self._looked = -FRESH
        self._reader: threading.Thread | None = None
        self._lock = threading.Lock()

    def listing(self, *, every: bool = False) -> Listing:
        """The results read so far, after a little `patience`; all results if `every`."""
        reader = self._reading()
        if reader is not None:
            reader.join(None if every else self.patience)
        with self._lock:
            stamps = self._stamps
            runs = tuple(run for name, stamp in stamps.items() if (run := self._current(name, stamp)) is not None)
        return Listing(stamps, runs, len(stamps) - len(runs))

    def run(self, name: str) -> Run | None:
        """The result with this file name, even if it was just written; None if the folder has no such file."""
        stamp = self._look().get(name) or self._look(believed=0).get(name)
        if stamp is None:
            return None
        return self._current(name, stamp) or self._remember(read(self.path / name, stamp))

    def _current(self, name: str, stamp: Stamp) -> Run | None:
        run = self._known.get(name)
        return run if run is not None and run.stamp == stamp else None

    def _remember(self, run: Run) -> Run:
        with self._lock:
            self._known[run.file] = run
        return run

    def _look(self, believed: float = FRESH) -> dict[str, Stamp]:
        """Names and stamps of the folder's JSON files, newest first; at most `believed` seconds old."""
        with self._lock:
            if time.monotonic() - self._looked >= believed:
                found = [(entry.name, _stamp(entry)) for entry in _entries(self.path)]
                self._stamps = dict(sorted(found, key=lambda pair: (-pair[1][0], pair[0])))
                for gone in self._known.keys() - self._stamps.keys():
                    del self._known[gone]
                self._looked = time.monotonic()
            return self._stamps

    def _reading(self) -> threading.Thread | None:
        """The thread that reads the unread files; None if all are read."""
        stamps = self._look()
        with self._lock:
            if self._reader is not None and self._reader.is_alive():
                return self._reader
            unread = [name for name, stamp in stamps.items() if self._current(name, stamp) is None]
            if not unread:
                return None
            self._reader = threading.Thread(target=self._read, args=(unread, stamps), daemon=True)
            self._reader.start()
            return self._reader

    def _read(self, names: list[str], stamps: dict[str, Stamp]) -> None:
        for name in names:
            self._remember(read(self.path / name, stamps[name]))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if _wanted(entry)]
    except OSError:  # the folder was removed while being served
        return []


def _wanted(entry: os.DirEntry[str]) -> bool:
    plain = entry.name.endswith(".json") and not entry.name.startswith(".")
    return plain and entry.is_file(follow_symlinks=False)


def _stamp(entry: os.DirEntry[str]) -> Stamp:
    try:
        about = entry.stat(follow_symlinks=False)
    except OSError:  # the file was removed after the folder was listed
        return 0, 0
    return about.st_mtime_ns, about.st_size
