"""The command line: which sub-command runs, and the exit status of every way out."""

import os
import sys

import click

from diagnose import __version__
from diagnose.commands.compare import compare
from diagnose.commands.delivering import EXAMINED, INTERRUPTED, OUR_FAULT, UNUSABLE
from diagnose.commands.demo import demo
from diagnose.commands.examine import examine
from diagnose.commands.explain import explain, list_codes
from diagnose.commands.view import view
from diagnose.errors import InputError

REPORT_FAULT = "this is a fault of diagnose, not of yours; with DIAGNOSE_DEBUG=1 it shows where"


class _ModelFirst(click.Group):
    """A first argument that names no sub-command is the model: `diagnose MODEL DATA` needs no verb."""

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


for command in (examine, demo, list_codes, explain, view, compare):
    cli.add_command(command)


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
