"""The pages of the viewer: list, report, comparison, trends."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from flask import Flask, Response, abort, request
from jinja2 import Environment
from markupsafe import Markup

from diagnose import __version__
from diagnose.diagnosis import Diagnosis
from diagnose.errors import InputError
from diagnose.reports import trends
from diagnose.reports.comparison import level
from diagnose.reports.templating import environment, finished, source
from diagnose.viewing.choosing import choose, ordered, previous, query
from diagnose.viewing.folder import Folder, Listing
from diagnose.viewing.runs import DAMAGED, STATES, Run, text_of

HOSTS = frozenset({"127.0.0.1", "localhost"})
OWN = "'self'"
POLICY = (
    f"default-src 'none'; style-src {OWN}; script-src {OWN}; connect-src {OWN}; form-action {OWN}; img-src data:; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # cached, but revalidated with its ETag
}
ALIVE = 120  # seconds without a change after which a training counts as ended
SOON, LATER = 2, 10  # seconds between two checks for a change: of a running training, of anything else
FIRST = ("runs.html.j2", "viewer.html.j2", "marks.html.j2", "icons.svg")  # templates of the first page
MODELS = 6  # models on one page of trends


def application(folder: Path) -> Flask:
    """The viewer of one folder, as a WSGI application. It answers only GET and HEAD, and only on this machine."""
    app = Flask("diagnose", static_folder=None)
    app.url_map.strict_slashes = False
    viewer = _Viewer(Folder(folder))
    app.before_request(_refuse)
    app.after_request(_guard)
    for rule, view in (
        ("/", viewer.runs),
        ("/report/<name>", viewer.report),
        ("/compare", viewer.compare),
        ("/trends", viewer.trends),
        ("/json/<name>", viewer.json),
        ("/style.css", _style),
        ("/viewer.css", _viewer_style),
        ("/viewer.js", _script),
    ):
        app.add_url_rule(rule, view_func=view, methods=["GET"], provide_automatic_options=False)
    app.register_error_handler(500, lambda _: viewer.message("This page cannot be shown", 500))
    for status, words in ((404, "Page or result not found"), (405, "The viewer is read-only")):
        app.register_error_handler(status, lambda _, status=status, words=words: viewer.message(words, status))
    return app


def _refuse() -> Response | None:
    """Refuse requests under a foreign host name (DNS rebinding) and other methods than GET and HEAD."""
    name = request.host.rsplit(":", 1)[0] if request.host else ""
    if name.lower() not in HOSTS:
        return Response("the host must be 127.0.0.1 or localhost\n", 403, mimetype="text/plain")
    if request.method not in ("GET", "HEAD"):
        abort(405)
    return None


def _guard(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", POLICY)
    return response


def _style() -> Response:
    return Response(source("figures.css") + source("page.css") + source("viewer.css"), mimetype="text/css")


def _viewer_style() -> Response:
    """The style of the viewer's bar, for pages with a style of their own."""
    return Response(source("viewer.css"), mimetype="text/css")


def _script() -> Response:
    return Response(source("viewer.js"), mimetype="text/javascript")


class _Viewer:
    """The views over one folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._templates = _templates()
        for name in FIRST:  # compiled before the thread that reads the folder competes for the processor
            self._templates.get_template(name)

    def runs(self) -> Response:
        """One page of the list of results."""
        listing = self._folder.listing()
        asked = query(request.args)
        if (known := _unchanged(listing.version)) is not None:
            return known
        return self._page(
            "runs.html.j2",
            listing,
            here="Results",
            asked=asked,
            choice=choose(listing.runs, asked),
            live={run.file for run in listing.runs if _alive(run)},
        )

    def report(self, name: str) -> Response:
        """The report of one result, as `diagnose` writes it, under the viewer's bar."""
        run = self._run(name)
        if (known := _unchanged(_version(run))) is not None:
            return known
        diagnosis = self._diagnosis(name)
        if isinstance(diagnosis, Response):
            return diagnosis
        from diagnose.reports import html

        before = previous(self._folder.listing().runs, run)
        bar = self._bar(run=run, previous=before, version=_version(run))
        with self._shown(name):
            return _report(html.render(diagnosis, bar, OWN), _version(run))

    def compare(self) -> Response:
        """Two results side by side, the older one first."""
        names = request.args.getlist("result")
        if len(set(names)) != 2:
            return self.message("Choose two results to compare", 400)
        runs = ordered([self._run(name) for name in names], down=False)
        version = "-".join(map(_version, runs))
        if (known := _unchanged(version)) is not None:
            return known
        sides = [self._diagnosis(run.file) for run in runs]
        for side in sides:
            if isinstance(side, Response):
                return side
        old, new = (side for side in sides if isinstance(side, Diagnosis))
        from diagnose.comparing.comparison import compare
        from diagnose.reports import comparison

        bar = self._bar(run=None, previous=None, version=version)
        with self._shown(f"{runs[0].file} and {runs[1].file}"):
            compared = compare(old, new, (runs[0].file, runs[1].file))
            return _report(comparison.render(compared, old, new, bar, OWN), version)

    def trends(self) -> Response:
        """Errors and causes over the runs of each model, the most recently examined model first."""
        listing = self._folder.listing()
        if (known := _unchanged(listing.version)) is not None:
            return known
        wanted = request.args.get("model")
        by_model = _by_model([run for run in listing.runs if not run.damage and wanted in (None, run.model)])
        if wanted is not None and not by_model:
            abort(404)
        several = {model: runs for model, runs in by_model.items() if len(runs) > 1 or wanted is not None}
        shown = dict(list(several.items())[:MODELS])
        return self._page(
            "trends.html.j2",
            listing,
            here="Trends",
            wanted=wanted,
            models=[(name, runs[0].model, len(runs), trends.draw(_points(runs))) for name, runs in shown.items()],
            rest=[(name, runs[0].model, len(runs)) for name, runs in by_model.items() if name not in shown],
        )

    def json(self, name: str) -> Response:
        """The unchanged JSON file."""
        run = self._run(name)
        if (known := _unchanged(_version(run))) is not None:
            return known
        try:
            text = text_of(self._folder.path / run.file)
        except (OSError, ValueError):
            abort(404)
        response = Response(text, mimetype="application/json")
        response.set_etag(_version(run))
        return response

    def message(self, words: str, status: int, detail: str = "") -> Response:
        """A page with a single message."""
        page = self._drawn("message.html.j2", words=words, detail=detail, here="", version="", every=0)
        return Response(page, status, mimetype="text/html")

    def _run(self, name: str) -> Run:
        """The run with this file name. Only files listed in the folder can be requested."""
        run = self._folder.run(name)
        if run is None:
            abort(404)
        return run

    def _diagnosis(self, name: str) -> Diagnosis | Response:
        """The whole result, or a page that explains why it cannot be read."""
        from diagnose.storing import from_json

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a newer schema, the known part is shown
                return from_json(text_of(self._folder.path / name))
        except (InputError, OSError, ValueError, RecursionError) as error:
            return self.message(f"{name} cannot be shown", 422, str(error)[:500])

    @contextmanager
    def _shown(self, name: str) -> Iterator[None]:
        """Explain on a page why a result cannot be drawn: its values may make no sense."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the file may come from anywhere
            detail = f"{type(error).__name__}: {error}"[:500]
            abort(self.message(f"{name} cannot be shown", 422, detail))

    def _bar(self, run: Run | None, previous: Run | None, version: str) -> Markup:
        alive = run is not None and _alive(run)
        every = SOON if alive else LATER
        bar = self._drawn("bar.html.j2", run=run, previous=previous, version=version, every=every, alive=alive)
        return Markup(bar)

    def _page(self, template: str, listing: Listing, **content: object) -> Response:
        some = any(_alive(run) for run in listing.runs)
        every = SOON if listing.unread or some else LATER
        page = self._drawn(
            template, listing=listing, version=listing.version, every=every, folder=self._folder.path.name, **content
        )
        response = Response(page, mimetype="text/html")
        response.set_etag(listing.version)
        return response

    def _drawn(self, template: str, **content: object) -> str:
        return finished(self._templates.get_template(template).render(**content))


def _templates() -> Environment:
    made = environment()
    made.globals.update(level=level, facets=(*STATES, DAMAGED), report=_report_address, short=_short)
    made.globals.update(version_of=__version__)
    made.filters["quoted"] = _quoted
    return made


def _short(moment: str) -> str:
    """An ISO 8601 date as "22 Nov 2026, 14:06"."""
    return f"{trends.day(moment)}, {moment[11:16]}"


def _report_address(run: Run) -> str:
    return f"/report/{_quoted(run.file)}"


def _quoted(text: str) -> str:
    """A name in an address; a file may have a name that is not UTF-8, and is then listed only."""
    return quote(text, safe="", errors="replace")


def _by_model(runs: list[Run]) -> dict[str, list[Run]]:
    """The runs of each model under its title, newest first. Models of one name are told apart by what differs."""
    named: dict[str, list[Run]] = {}
    for run in runs:
        named.setdefault(run.model, []).append(run)
    titles = {run.identity: title for same in named.values() for run, title in _titles(same)}
    found: dict[str, list[Run]] = {}
    for run in ordered(runs):
        found.setdefault(titles[run.identity], []).append(run)
    return found


def _titles(runs: list[Run]) -> Iterator[tuple[Run, str]]:
    """A title for each run of one name, with the folder, the size or the fingerprints if they differ."""
    sizes = {run.identity: f"{run.parameters:,} parameters" for run in runs if run.parameters is not None}
    parts = [
        {run.identity: of(run) for run in runs}
        for of in (
            lambda run: run.folder,
            lambda run: sizes.get(run.identity, "size unknown"),
            lambda run: f"architecture {run.architecture}",
            lambda run: f"data {run.data}",
        )
    ]
    told = {run.identity: run.model for run in runs}
    for part in parts:
        if len(set(told.values())) == len(told):
            break
        if len(set(part.values())) > 1:
            told = {identity: f"{title}, {part[identity]}" for identity, title in told.items()}
    yield from ((run, told[run.identity]) for run in runs)


def _points(runs: list[Run]) -> list[trends.Point]:
    """The points of a trend, oldest first."""
    return [
        trends.Point(
            date=run.moment,
            state=run.state,
            measure=run.measure,
            unit=run.unit,
            errors=run.errors,
            causes={cause.code: (cause.title, cause.severity) for cause in run.causes},
        )
        for run in reversed(runs)
    ]


def _alive(run: Run) -> bool:
    return run.live and time.time() - run.stamp[0] / 1e9 < ALIVE


def _version(run: Run) -> str:
    return f"{run.stamp[0]:x}-{run.stamp[1]:x}-{__version__}"


def _unchanged(version: str) -> Response | None:
    """A response without a body for an unchanged page (304) or a HEAD request; else None."""
    same = request.if_none_match.contains(version)
    if not same and request.method != "HEAD":
        return None
    response = Response(status=304 if same else 200, mimetype="text/html")
    response.set_etag(version)
    return response


def _report(page: str, version: str) -> Response:
    """A page that has its own policy; `frame-ancestors` only works as a header."""
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
    response.set_etag(version)
    return response
