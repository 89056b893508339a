"""`diagnose view`: browse the results in a folder."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(), metavar="[DIR]", default="diagnosis")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default: the first free one from 8765).")
@click.option("--open", "open_page", is_flag=True, help="Open the list in a browser.")
def view(folder: str, port: int | None, open_page: bool) -> None:
    """Browse the results in the folder DIR (default: diagnosis/): list, reports, comparisons, trends.

    The pages can only be reached from this machine. Press Ctrl-C to stop.
    """
    from diagnose.viewing.serving import serve

    def ready(address: str) -> None:
        click.echo(f"Results in {folder}: {address} (press Ctrl-C to stop)")
        if open_page:
            import webbrowser

            webbrowser.open(address)

    serve(Path(folder), port, ready)
