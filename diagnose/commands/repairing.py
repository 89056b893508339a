"""`--apply` and `--save`: train the model with remedies of its report, write it, and show what changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.commands.delivering import Job, deliver, silenced
from diagnose.commands.progress import progress
from diagnose.errors import InputError
from diagnose.stages import Stage

if TYPE_CHECKING:
    from diagnose.applying import Better
    from diagnose.diagnosis import Diagnosis
    from diagnose.subject import Subject


@dataclass(frozen=True)
class Files:
    """The files of a repaired model: the model, and beside it its history and the script that makes it."""

    model: Path

    @property
    def history(self) -> Path:
        return self.model.with_suffix(".history.json")

    @property
    def script(self) -> Path:
        return self.model.with_suffix(".py")

    def require_new(self) -> None:
        """Refuse names that cannot be written, or that are taken.

        Raises:
            InputError: the model's name does not end in .keras, or one of the files exists.
        """
        if self.model.suffix != ".keras":
            raise InputError(f"--save must end in .keras, got {self.model}")
        for path in (self.model, self.history, self.script):
            if path.exists():
                raise InputError(f"--save must name new files, but {path} exists")

    def write(self, better: Better) -> None:
        """Write all three, or two where nothing was trained.

        Raises:
            InputError: they cannot be written.
        """
        from diagnose.storing import write_text

        try:
            self.model.parent.mkdir(parents=True, exist_ok=True)
            better.model.save(self.model)
        except OSError as error:
            raise InputError(f"{self.model} cannot be written: {error.strerror or error}") from None
        if better.history:
            write_text(json.dumps(better.history, indent=1) + "\n", self.history)
        write_text(better.script, self.script)


@dataclass(frozen=True)
class Repair:
    """Remedies to apply after an examination: their codes, the files to write, and how the new model is loaded, with
    its own record of a training or None.
    """

    codes: tuple[str, ...]
    files: Files
    load: Callable[[Path | None], Subject]

    def run(self, job: Job, before: Diagnosis) -> None:
        """Train the model of `job` with the remedies, write it, examine it in the same way, and print what changed.

        Raises:
            InputError: a remedy cannot be applied, or a file cannot be written.
        """
        from diagnose.applying import apply, chosen_remedies
        from diagnose.comparing.comparison import compare
        from diagnose.pipeline import diagnose_subject
        from diagnose.reports import comparison_terminal
        from diagnose.storing import encodable

        chosen_remedies(before, self.codes)
        with progress(job.quiet) as show, silenced():
            show(Stage("training the repaired model"))
            better = apply(job.load(), before, self.codes, job.settings.seed)
            self.files.write(better)
            subject = self.load(self.files.history if better.history else None)
            after = diagnose_subject(subject, job.settings, show, command=job.command, where=job.where)
        stem = job.stem and f"{job.stem}-{self.files.model.stem}"
        deliver(after, replace(job, places=(), stem=stem, guide=None, repair=None, quiet=True))
        if job.quiet:
            return
        comparison = compare(before, after, (job.name, self.files.model.stem))
        click.echo(encodable(comparison_terminal.render(comparison, colour=sys.stdout.isatty())), err="-" in job.places)
        for path in (self.files.model, *([self.files.history] if better.history else []), self.files.script):
            click.echo(f"written: {path}", err="-" in job.places)
