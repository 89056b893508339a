"""Chooses the results of a page: search, filter, sort, paginate."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from urllib.parse import urlencode

from diagnose.errors import InputError
from diagnose.viewing.folder import Folder
from diagnose.viewing.runs import DAMAGED, STATES, Run

MOMENT = attrgetter("moment")
PAGE = 50  # results on one page
SORTS = ("date", "model", "state", "train", "dev", "causes")
DESCENDING = ("date", "causes", "train", "dev")  # columns that sort the largest first by default


@dataclass(frozen=True)
class Query:
    """What a visitor asked for, as given in the URL."""

    search: str = ""
    state: str = ""  # one of STATES, or DAMAGED; "" for all
    cause: str = ""  # code of a cause; "" for all
    data: str = ""  # `source` of the data; "" for all
    sort: str = "date"
    down: bool = True
    page: int = 1

    @property
    def address(self) -> str:
        """The query part of the URL, without default values."""
        asked = {
            "q": self.search,
            "state": self.state,
            "cause": self.cause,
            "data": self.data,
            "sort": self.sort if self.sort != "date" else "",
            "order": "" if self.down == (self.sort in DESCENDING) else "down" if self.down else "up",
            "page": str(self.page) if self.page > 1 else "",
        }
        return "?" + urlencode({key: value for key, value in asked.items() if value})

    def sorted_by(self, sort: str) -> Query:
        """This query sorted by a column; reversed if it is already sorted by that column."""
        down = not self.down if sort == self.sort else sort in DESCENDING
        return replace(self, sort=sort, down=down, page=1)

    def on(self, page: int) -> Query:
        return replace(self, page=page)

    def of(self, state: str) -> Query:
        return replace(self, state=state, page=1)


def query(asked: Mapping[str, str]) -> Query:
    """The query of a URL. Invalid values are ignored."""
    sort = asked.get("sort", "")
    sort = sort if sort in SORTS else "date"
    order = {"down": True, "up": False}.get(asked.get("order", ""), sort in DESCENDING)
    state = asked.get("state", "")
    page = asked.get("page", "")
    return Query(
        search=asked.get("q", "").strip()[:200],
        state=state if state in (*STATES, DAMAGED) else "",
        cause=asked.get("cause", "")[:200],
        data=asked.get("data", "")[:400],
        sort=sort,
        down=order,
        page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
    )


@dataclass(frozen=True)
class Choice:
    """The results of one page, and how many there are in total."""

    runs: tuple[Run, ...]
    page: int
    pages: int
    found: int
    first: int  # position of the first of `runs` among those found, from 1
    counts: Counter[str]  # results by state that match all but the filter by state
    causes: tuple[tuple[str, str], ...]  # codes and titles of the causes of all results, by title
    sources: tuple[tuple[str, str], ...]  # of the data of all results, as value and words


def choose(runs: Iterable[Run], asked: Query) -> Choice:
    """The page of results for a query. All words of the search must occur in a result."""
    words = asked.search.casefold().split()
    runs = tuple(runs)
    matching = [
        run
        for run in runs
        if all(word in run.searched for word in words)
        and (not asked.cause or asked.cause in {cause.code for cause in run.causes})
        and asked.data in ("", run.source)
    ]
    counts = Counter(run.state for run in matching)
    found = [run for run in matching if run.state == asked.state] if asked.state else matching
    found = ordered(found, asked.sort, asked.down)
    pages = max(1, math.ceil(len(found) / PAGE))
    page = min(asked.page, pages)
    start = (page - 1) * PAGE
    titles = {cause.code: cause.title for run in runs for cause in run.causes}
    return Choice(
        runs=tuple(found[start : start + PAGE]),
        page=page,
        pages=pages,
        found=len(found),
        first=start + 1,
        counts=counts,
        causes=tuple(sorted(titles.items(), key=lambda pair: pair[1])),
        sources=tuple((source, source) for source in sorted({run.source for run in runs} - {""})),
    )


def ordered(runs: Sequence[Run], sort: str = "date", down: bool = True) -> list[Run]:
    """Sorted by one column, then by date, newest first. Results without a value in the column come last."""
    key = KEYS[sort]
    by_date = sorted(runs, key=MOMENT, reverse=True)
    pairs = [(key(run), run) for run in by_date]
    valued = sorted((pair for pair in pairs if pair[0] is not None), key=lambda pair: pair[0], reverse=down)  # type: ignore[arg-type, return-value]
    return [run for _, run in valued] + [run for value, run in pairs if value is None]


def _error(split: str) -> Callable[[Run], float | None]:
    def value(run: Run) -> float | None:
        return run.errors[split].value if split in run.errors else None

    return value


KEYS: dict[str, Callable[[Run], str | float | None]] = {
    "date": lambda run: None if run.damage else run.moment,
    "model": lambda run: run.title.casefold() or None,
    "state": lambda run: STATES.index(run.state) if run.state in STATES else None,
    "train": _error("train"),
    "dev": _error("dev"),
    "causes": lambda run: None if run.damage else len(run.causes),
}


def result_at(path: Path) -> Path:
    """`path` itself or, if it is a folder, the newest result in it.

    Raises:
        InputError: the folder has no results.
    """
    if not path.is_dir():
        return path
    known = [run for run in Folder(path).listing(every=True).runs if not run.damage]
    if not known:
        raise InputError(f"{path} has no results; pass a JSON file written by diagnose, or a folder of such files")
    return path / max(known, key=MOMENT).file


def previous(runs: Iterable[Run], of: Run) -> Run | None:
    """The previous result of the same model, whose architecture may have changed since."""
    same = [run for run in runs if run.title == of.title and not run.damage and run.file != of.file]
    earlier = [run for run in same if run.moment <= of.moment]
    return max(earlier, key=MOMENT, default=None)
