"""`diagnose compare OLD NEW`: what changed, and whether the change in error is larger than noise."""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import click

from diagnose.commands.delivering import places_of
from diagnose.commands.exiting import EXAMINED, FOUND
from diagnose.diagnosis import Diagnosis


@click.command("compare")
@click.argument("old", type=click.Path(), metavar="OLD")
@click.argument("new", type=click.Path(), metavar="NEW")
@click.option("--json", "json_path", metavar="FILE|-", help="Write the comparison as JSON.")
@click.option("--html", "html_path", metavar="FILE", help="Write the comparison as a page.")
@click.option("--quiet", is_flag=True, help="No summary.")
@click.option("--fail-on", type=click.Choice(["never", "worse"]), default="never", show_default=True)
def compare(old: str, new: str, **options: Any) -> None:
    """Show what changed from the result OLD to the result NEW: causes, errors, verdicts.

    OLD and NEW are JSON files, or folders whose newest result is used. With --fail-on worse the exit status is 1 if
    there is a new disease at warning or error, or if an error on unseen rows rose by more than noise.
    """
    from diagnose.comparing.comparison import compare as compared
    from diagnose.storing import plain, write_text
    from diagnose.viewing.choosing import result_at

    json_path, html_path = options["json_path"], options["html_path"]
    asked = {".json": json_path, ".html": html_path}
    if any(asked.values()):
        places_of(Path(new), None, asked)
    paths = [result_at(Path(old)), result_at(Path(new))]
    before, after = (_loaded(path) for path in paths)
    comparison = compared(before, after, (str(paths[0]), str(paths[1])))
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
    """Load a result; print a warning if a newer version wrote it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        diagnosis = Diagnosis.load(path)
    for warning in caught:
        click.echo(f"diagnose: {path}: {warning.message}", err=True)
    return diagnosis
