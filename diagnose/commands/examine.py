"""`diagnose MODEL DATA`: examine a model file with its data."""

import shlex
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from diagnose.commands.apart import examine_apart
from diagnose.commands.delivering import Job, places_of
from diagnose.commands.options import examine_options
from diagnose.commands.repairing import Files, Repair
from diagnose.errors import InputError
from diagnose.loading import LoadOptions, load
from diagnose.subject import Subject
from diagnose.where import NAME, where_from


@click.command("examine", hidden=True, options_metavar="[OPTIONS]")
@click.argument("model", type=click.Path(), metavar="MODEL")
@click.argument("data", type=click.Path(), metavar="DATA")
@examine_options
def examine(model: str, data: str, **options: Any) -> None:
    """Find out what is wrong with the Keras model in the file MODEL, given its data in the file or folder DATA.

    Exit status: 0 examined; 1 a cause at or above --fail-on; 2 bad usage or unreadable input; 3 internal error;
    130 interrupted.
    """
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
        factory=options["factory"],
        group=options["group"],
        time=options["time"],
        rows=settings.rows,
        seed=settings.seed,
    )
    asked = {".json": options["json_path"], ".html": options["html_path"], ".xml": options["junit_path"]}
    places, stem = places_of(Path(model), options["out"], asked)
    job = Job(
        name=Path(model).stem,
        load=partial(load, Path(model), Path(data), load_options),
        settings=settings,
        command="diagnose " + " ".join(shlex.quote(argument) for argument in sys.argv[1:]),
        places=places,
        stem=stem,
        quiet=options["quiet"],
        open_page=options["open_page"],
        fail_on=options["fail_on"],
        where=where_from(options["jobs"], options["cluster"], Path(stem).with_name(NAME) if stem else None),
    )
    sys.exit(examine_apart(replace(job, repair=_repair(options, load_options, Path(data)))))


def _repair(options: dict[str, Any], load_options: LoadOptions, data: Path) -> Repair | None:
    """What --apply and --save ask for; None without them."""
    codes, model = _codes(options["apply"]), options["save"]
    if not codes and not model:
        return None
    if not codes or not model:
        raise InputError("--apply and --save must be given together: --apply CODE --save better.keras")
    files = Files(Path(model))
    files.require_new()
    # what a remedy may change is read from the new file
    own: dict[str, Any] = dict.fromkeys(["loss", "optimizer", "learning_rate", "architecture", "factory"])
    return Repair(codes, files, partial(_load_repaired, files.model, data, replace(load_options, **own)))


def _load_repaired(model: Path, data: Path, options: LoadOptions, history: Path | None) -> Subject:
    return load(model, data, replace(options, history=history or options.history))


def _codes(text: str) -> tuple[str, ...]:
    return tuple(code.strip() for code in text.split(",") if code.strip())


def _plan(path: str | None) -> dict[str, float] | None:
    if path is None:
        return None
    from diagnose.diagnosis import Diagnosis

    plan = Diagnosis.load(path).settings.get("plan")
    if not plan:
        raise InputError(f"--plan must be the JSON of a complete examination, but {path} has no plan")
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
            raise InputError(f"--target-error must be a number such as 0.05, or OUTPUT=0.05, got {text}") from None
        if not errors[name] >= 0:
            raise InputError(f"--target-error must be an error rate (0 to 1) or an RMSE, got {text}")
    return errors
