"""`diagnose view`: browse the results in a folder."""

from pathlib import Path

import click


@click.command()
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
