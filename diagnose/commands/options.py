"""The options of `diagnose MODEL DATA`."""

from typing import Any

import click


def examine_options(function: Any) -> Any:
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
