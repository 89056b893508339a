"""The command: parsing, progress, exit status. What it does lies in `pipeline` and `loading`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diagnose import __version__
from diagnose.errors import InputError

if TYPE_CHECKING:
    from diagnose.diagnosis import Diagnosis

EXAMINED, FOUND, UNUSABLE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130

REPORT_FAULT = "this is a fault of diagnose, not of yours; with DIAGNOSE_DEBUG=1 it shows where"


class _ModelFirst(click.Group):
    """A first argument that is no sub-command is the model: `diagnose MODEL DATA` needs no verb."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "--version"):
            args = ["examine", *args]
        return super().parse_args(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        main = self.commands["examine"]
        inner = click.Context(main, info_name=ctx.info_name)
        main.format_help(inner, formatter)
        self.format_commands(ctx, formatter)


@click.group(cls=_ModelFirst, no_args_is_help=True)
@click.version_option(__version__, prog_name="diagnose")
def cli() -> None:
    """Find out what is wrong with a Keras model, how sure that is, and what to do next."""


def _options(function: Any) -> Any:
    """The options of `examine`, in the order of its help."""
    given = [
        click.option("--dev", type=click.Path(), help="Dev (validation) data, where DATA does not hold it."),
        click.option("--test", type=click.Path(), help="Test data, where DATA does not hold it."),
        click.option("--task", help="binary, multiclass, multilabel or regression."),
        click.option("--target", metavar="COLUMN", help="The target column of a table."),
        click.option("--loss", help="Loss of the training, where the file has none."),
        click.option("--optimizer", help="Optimizer of the training, where the file has none."),
        click.option("--learning-rate", type=float, help="Learning rate of the training, where the file has none."),
        click.option("--batch-size", type=click.IntRange(min=1), help="Batch size of the training."),
        click.option("--epochs", type=click.IntRange(min=1), help="How long the model was trained."),
        click.option("--history", type=click.Path(), help="The history of the training (JSON or CSV)."),
        click.option(
            "--target-error",
            multiple=True,
            metavar="[OUTPUT=]X",
            help="The error to reach: error rate (0 to 1), or RMSE in target units.",
        ),
        click.option(
            "--effort", type=click.Choice(["quick", "standard", "deep"]), default="standard", show_default=True
        ),
        click.option(
            "--budget", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Cap in seconds."
        ),
        click.option("--rows", default="50000", show_default=True, metavar="N|all", help="Rows evaluated per split."),
        click.option("--seed", type=int, default=0, show_default=True),
        click.option("--plan", type=click.Path(), metavar="JSON", help="Repeat the plan of this earlier result."),
        click.option("--only", default="", metavar="CODE,..", help="Run these checks only."),
        click.option("--skip", default="", metavar="CODE,..", help="Leave these checks out."),
        click.option("--out", type=click.Path(), metavar="DIR", help="Folder of the results (default: diagnosis/)."),
        click.option("--json", "json_path", metavar="FILE|-", help="Write the JSON here, and nothing else by default."),
        click.option("--html", "html_path", metavar="FILE", help="Write the page here, and nothing else by default."),
        click.option(
            "--junit", "junit_path", metavar="FILE", help="Write JUnit XML here, and nothing else by default."
        ),
        click.option("--open", "open_page", is_flag=True, help="Open the page in the browser."),
        click.option("--quiet", is_flag=True, help="No progress, no summary."),
        click.option("--no-samples", is_flag=True, help="Leave rows and pictures of the data out of the results."),
        click.option("--fail-on", type=click.Choice(["never", "warning", "error"]), default="never", show_default=True),
        click.option("--custom-objects", type=click.Path(), metavar="FILE.py", help="Defines the model's own classes."),
        click.option(
            "--lambda",
            "lambdas",
            multiple=True,
            metavar="LAYER=FILE.py:FUNCTION",
            help="What a Lambda layer computes; the code inside the model file is never run.",
        ),
        click.option(
            "--architecture", type=click.Path(), metavar="FILE", help="The model's JSON, for a file of weights."
        ),
        click.option("--loader", metavar="FILE.py:FUNCTION", help="Your own function that reads DATA."),
        click.option("--group", metavar="COLUMN", help="Says which rows belong together (a patient, a speaker)."),
        click.option("--time", metavar="COLUMN", help="Says when a row came."),
        click.option("--trust", is_flag=True, help="Allow code inside the model file (as safe_mode=False does)."),
    ]
    for option in reversed(given):
        function = option(function)
    return function


@cli.command("examine", hidden=True, options_metavar="[OPTIONS]")
@click.argument("model", type=click.Path(), metavar="MODEL")
@click.argument("data", type=click.Path(), metavar="DATA")
@_options
def examine_command(model: str, data: str, **options: Any) -> None:
    """Find out what is wrong with the Keras model in the file MODEL, given its data in the file or folder DATA.

    Exit status: 0 examined; 1 a cause at or above --fail-on; 2 bad usage or unreadable input; 3 our own fault;
    130 interrupted.
    """
    from diagnose.loading import LoadOptions, load
    from diagnose.pipeline import settings_from

    settings = settings_from(
        effort=options["effort"],
        budget=options["budget"],
        rows=options["rows"],
        seed=options["seed"],
        only=_codes(options["only"]),
        skip=_codes(options["skip"]),
        samples=not options["no_samples"],
        plan=_plan(options["plan"]),
    )
    load_options = LoadOptions(
        dev=_path(options["dev"]),
        test=_path(options["test"]),
        task=options["task"],
        target=options["target"],
        loss=options["loss"],
        optimizer=options["optimizer"],
        learning_rate=options["learning_rate"],
        batch_size=options["batch_size"],
        epochs=options["epochs"],
        history=_path(options["history"]),
        target_error=_target_errors(options["target_error"]),
        custom_objects=_path(options["custom_objects"]),
        lambdas=options["lambdas"],
        architecture=_path(options["architecture"]),
        trust=options["trust"],
        loader=options["loader"],
        group=options["group"],
        time=options["time"],
        rows=settings.rows,
        seed=settings.seed,
    )
    asked = {".json": options["json_path"], ".html": options["html_path"], ".xml": options["junit_path"]}
    places = _places(Path(model), options["out"], asked)
    command = "diagnose " + " ".join(_quoted(argument) for argument in sys.argv[1:])
    diagnosis = _examined(lambda: load(Path(model), Path(data), load_options), settings, command, options["quiet"])
    _deliver(diagnosis, places, quiet=options["quiet"], open_page=options["open_page"])
    sys.exit(_status(diagnosis, options["fail_on"]))


def _examined(load_subject: Any, settings: Any, command: str, quiet: bool) -> Diagnosis:
    """Load and examine, with the name of the running instrument shown."""
    import time

    from diagnose.pipeline import diagnose_subject

    with _progress(quiet) as say, _silenced():
        say("starting Keras")
        start = time.perf_counter()
        subject = load_subject()
        loading = time.perf_counter() - start
        return diagnose_subject(subject, settings, say, loading_seconds=loading, command=command)


@contextlib.contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    if quiet:
        yield lambda name: None
        return
    from rich.console import Console

    # A handle of our own on the terminal: `_silenced` points the real stderr elsewhere.
    with os.fdopen(os.dup(2), "w") as terminal:
        console = Console(file=terminal)
        if not console.is_terminal:
            yield lambda name: None
            return
        with console.status("starting") as status:
            yield lambda name: status.update(f"{name} ...")


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Keep the log lines of TensorFlow's C++ side off the terminal; our own errors are raised, not printed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ.get("DIAGNOSE_DEBUG"):
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


def _places(model: Path, out: str | None, by_suffix: Mapping[str, str | None]) -> tuple[str, ...]:
    """Where to write: what was asked for, by its suffix, else a JSON and a page under `diagnosis/`."""
    asked = tuple(path for path in by_suffix.values() if path)
    for suffix, path in by_suffix.items():
        if not path or (path == "-" and suffix == ".json"):
            continue
        if Path(path).is_dir():
            raise InputError(f"{path} is a folder: pass the name of a file to write")
        if Path(path).suffix.lower() != suffix:
            raise InputError(f"{path} does not end in {suffix}: pass a file name that does")
    if asked and not out:
        return asked
    name = re.sub(r"[^\w.-]+", "_", model.stem) or "model"
    stem = Path(out or "diagnosis") / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    if Path(out or "diagnosis").is_file():
        raise InputError(f"{out or 'diagnosis'} is a file: pass the name of a folder with --out")
    return (*asked, f"{stem}.json", f"{stem}.html")


def _deliver(diagnosis: Diagnosis, places: tuple[str, ...], quiet: bool, open_page: bool) -> None:
    for place in places:
        if place == "-":
            from diagnose.storing import to_json

            click.echo(to_json(diagnosis))
            continue
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        diagnosis.save(place)
    written = tuple(place for place in places if place != "-")
    if not quiet:
        from diagnose.reports import terminal

        click.echo(terminal.render(diagnosis, paths=written, colour=sys.stdout.isatty()), err="-" in places)
    if open_page:
        import webbrowser

        pages = [place for place in written if place.endswith((".html", ".htm"))]
        if pages:
            webbrowser.open(Path(pages[-1]).resolve().as_uri())


def _status(diagnosis: Diagnosis, fail_on: str) -> int:
    from diagnose.findings import Severity

    if diagnosis.settings.get("interrupted"):
        return INTERRUPTED
    if fail_on == "never":
        return EXAMINED
    least = Severity(fail_on).rank
    return FOUND if any(c.severity.rank >= least and c.state != "refuted" for c in diagnosis.causes) else EXAMINED


def _codes(text: str) -> tuple[str, ...]:
    return tuple(code.strip() for code in text.split(",") if code.strip())


def _plan(path: str | None) -> dict[str, float] | None:
    if path is None:
        return None
    from diagnose.diagnosis import Diagnosis

    plan = Diagnosis.load(path).settings.get("plan")
    if not plan:
        raise InputError(f"{path} records no plan: pass the JSON of an examination that ran to its end")
    return dict(plan)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _target_errors(given: tuple[str, ...]) -> dict[str, float]:
    errors = {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            errors[name] = float(number)
        except ValueError:
            raise InputError(f"--target-error {text} is no number: pass for example 0.05, or OUTPUT=0.05") from None
        if not errors[name] >= 0:
            raise InputError(f"--target-error {text} is below 0: pass an error rate (0 to 1) or an RMSE")
    return errors


def _quoted(argument: str) -> str:
    import shlex

    return shlex.quote(argument)


@cli.command()
@click.option("--out", type=click.Path(), metavar="DIR", help="Folder of the results (default: diagnosis/).")
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
def demo(out: str | None, open_page: bool, quiet: bool) -> None:
    """Train a small sick model on scikit-learn's digits, examine it and write the report."""
    from diagnose.demonstrating import sick_subject, what_to_look_at
    from diagnose.settings import Settings

    places = _places(Path("demo"), out, {})
    diagnosis = _examined(sick_subject, Settings(), "diagnose demo", quiet)
    _deliver(diagnosis, places, quiet=quiet, open_page=open_page)
    if not quiet:
        click.echo(what_to_look_at(places[-1]))


@cli.command("list")
def list_codes() -> None:
    """All codes of checks, causes and remedies, one line each."""
    from diagnose.explaining import every_code

    for line in every_code():
        click.echo(line)


@cli.command()
@click.argument("code")
def explain(code: str) -> None:
    """Explain a check, a cause or a remedy: what it measures, why it matters, how it is decided."""
    from diagnose.explaining import explanation

    click.echo(explanation(code))


@cli.command()
@click.argument("folder", type=click.Path(), metavar="[DIR]", default="diagnosis")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; without it the next free one from 8765.")
@click.option("--open", "open_page", is_flag=True, help="Open the list in the browser.")
def view(folder: str, port: int | None, open_page: bool) -> None:
    """Browse the results in the folder DIR (default: diagnosis/): a list, reports, two side by side, trends.

    Only this machine can reach the pages. Ctrl-C ends it.
    """
    from diagnose.viewing.serving import serve

    def ready(address: str) -> None:
        click.echo(f"Results in {folder}: {address} (Ctrl-C ends)")
        if open_page:
            import webbrowser

            webbrowser.open(address)

    serve(Path(folder), port, ready)


@cli.command("compare")
@click.argument("old", type=click.Path(), metavar="OLD")
@click.argument("new", type=click.Path(), metavar="NEW")
@click.option("--json", "json_path", metavar="FILE|-", help="Write the comparison as JSON.")
@click.option("--html", "html_path", metavar="FILE", help="Write the comparison as a page.")
@click.option("--quiet", is_flag=True, help="No summary.")
@click.option("--fail-on", type=click.Choice(["never", "worse"]), default="never", show_default=True)
def compare_command(old: str, new: str, **options: Any) -> None:
    """Say what changed from the result OLD to the result NEW: causes, errors, verdicts.

    Each is a JSON file, or a folder of which the newest result is taken. Exit status: 1 with --fail-on worse, where a
    disease at warning or error is new or an error on rows unseen in training rose beyond noise.
    """
    from diagnose.comparing.comparison import compare
    from diagnose.storing import plain, write_text
    from diagnose.viewing.choosing import result_at

    json_path, html_path = options["json_path"], options["html_path"]
    asked = {".json": json_path, ".html": html_path}
    if any(asked.values()):
        _places(Path(new), None, asked)
    paths = [result_at(Path(old)), result_at(Path(new))]
    before, after = (_loaded(path) for path in paths)
    comparison = compare(before, after, (str(paths[0]), str(paths[1])))
    if json_path:
        text = json.dumps(plain(comparison), ensure_ascii=False, indent=1) + "\n"
        click.echo(text, nl=False) if json_path == "-" else write_text(text, Path(json_path))
    if html_path:
        from diagnose.reports import comparison as page

        write_text(page.render(comparison, before, after), Path(html_path))
    if not options["quiet"]:
        from diagnose.reports import comparison_terminal

        text = comparison_terminal.render(comparison, colour=sys.stdout.isatty())
        click.echo(text, nl=False, err=json_path == "-")
    sys.exit(FOUND if options["fail_on"] == "worse" and comparison.worse else EXAMINED)


def _loaded(path: Path) -> Diagnosis:
    """A result; that it was written by a newer version is said."""
    from diagnose.diagnosis import Diagnosis

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        diagnosis = Diagnosis.load(path)
    for warning in said:
        click.echo(f"diagnose: {path}: {warning.message}", err=True)
    return diagnosis


def main() -> None:
    """Run the command; every way out has its exit status and, where it failed, one sentence."""
    try:
        cli.main(standalone_mode=False, prog_name="diagnose")
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(UNUSABLE)
    except InputError as error:
        click.echo(f"diagnose: {error}", err=True)
        click.echo(getattr(error, "template", ""), nl=False)  # of a loader, to be sent into a file
        sys.exit(UNUSABLE)
    except (KeyboardInterrupt, click.Abort):
        click.echo("diagnose: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXAMINED)
    except Exception as error:
        if os.environ.get("DIAGNOSE_DEBUG"):
            raise
        click.echo(f"diagnose: {type(error).__name__}: {error} ({REPORT_FAULT})", err=True)
        sys.exit(OUR_FAULT)
