"""The command line: dispatches sub-commands and sets the exit status."""

import difflib
import sys
from pathlib import Path

import click

from diagnose import __version__
from diagnose.commands.compare import compare
from diagnose.commands.demo import demo
from diagnose.commands.examine import examine
from diagnose.commands.exiting import guarded, ready_streams
from diagnose.commands.explain import explain, list_codes
from diagnose.commands.view import view
from diagnose.errors import InputError


class _ModelFirst(click.Group):
    """Runs `examine` if the first argument is not a sub-command, so that `diagnose MODEL DATA` works."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "--version"):
            self._check_misspelt(args)
            args = ["examine", *args]
        return super().parse_args(ctx, args)

    def _check_misspelt(self, args: list[str]) -> None:
        """Fail with the sub-command that was meant, if there is one and no such file."""
        names = [name for name, command in self.commands.items() if not command.hidden]
        near = difflib.get_close_matches(args[0], names, n=1)
        if near and not Path(args[0]).exists() and not Path(args[0]).suffix:
            raise InputError(f"'{args[0]}' is not a sub-command and not a file; did you mean 'diagnose {near[0]}'?")

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        main = self.commands["examine"]
        inner = click.Context(main, info_name=ctx.info_name)
        main.format_help(inner, formatter)
        self.format_commands(ctx, formatter)


@click.group(cls=_ModelFirst, no_args_is_help=True)
@click.version_option(__version__, prog_name="diagnose")
def cli() -> None:
    """Find out what is wrong with a Keras model, how certain that is, and what to do next."""


for command in (examine, demo, list_codes, explain, view, compare):
    cli.add_command(command)


def main() -> None:
    """Run the command. A failure prints one sentence and sets the exit status."""
    ready_streams()
    sys.exit(guarded(_run))


def _run() -> int | None:
    try:
        Path.cwd()
    except OSError as error:
        raise InputError(
            f"the working folder must exist, got one that was removed ({error.strerror}): change to another"
        ) from error
    status: int | None = cli.main(standalone_mode=False, prog_name="diagnose")
    return status
