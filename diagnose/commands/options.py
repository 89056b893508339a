"""The options of `diagnose MODEL DATA`."""

from typing import Any

import click


def examine_options(function: Any) -> Any:
    """Add the options of `examine`, in the order of its help."""
    given = [
        click.option("--dev", type=click.Path(), help="Dev (validation) data, if it is not in DATA."),
        click.option("--test", type=click.Path(), help="Test data, if it is not in DATA."),
        click.option("--task", help="binary, multiclass, multilabel, regression or own-loss."),
        click.option("--target", metavar="COLUMN", help="Target column of a table."),
        click.option("--loss", help="Training loss, if it is not in the model file."),
        click.option("--optimizer", help="Optimizer, if it is not in the model file."),
        click.option("--learning-rate", type=float, help="Learning rate, if it is not in the model file."),
        click.option("--batch-size", type=click.IntRange(min=1), help="Batch size of the training."),
        click.option("--epochs", type=click.IntRange(min=1), help="Number of training epochs."),
        click.option("--history", type=click.Path(), help="Training history (JSON or CSV)."),
        click.option(
            "--target-error",
            multiple=True,
            metavar="[OUTPUT=]X",
            help="Error to reach: error rate (0 to 1), or RMSE in target units.",
        ),
        click.option(
            "--effort", type=click.Choice(["quick", "standard", "deep"]), default="standard", show_default=True
        ),
        click.option(
            "--budget", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Time limit in seconds."
        ),
        click.option("--rows", default="50000", show_default=True, metavar="N|all", help="Rows evaluated per split."),
        click.option("--seed", type=int, default=0, show_default=True),
        click.option("--plan", type=click.Path(), metavar="JSON", help="Repeat the plan of an earlier result."),
        click.option(
            "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that train trials."
        ),
        click.option("--cluster", metavar="ADDRESS", help="Dask or Ray cluster for trials: dask://.. or ray://.."),
        click.option(
            "--apply", default="", metavar="CODE,..", help="Then train the model with these remedies of the report."
        ),
        click.option("--save", type=click.Path(), metavar="FILE.keras", help="Write the model of --apply here."),
        click.option("--only", default="", metavar="CODE,..", help="Run only these checks."),
        click.option("--skip", default="", metavar="CODE,..", help="Skip these checks."),
        click.option("--out", type=click.Path(), metavar="DIR", help="Folder for the results (default: diagnosis/)."),
        click.option("--json", "json_path", metavar="FILE|-", help="Write JSON here, not to the default folder."),
        click.option("--html", "html_path", metavar="FILE", help="Write the page here, not to the default folder."),
        click.option("--junit", "junit_path", metavar="FILE", help="Write JUnit XML here, not to the default folder."),
        click.option("--open", "open_page", is_flag=True, help="Open the page in a browser."),
        click.option("--quiet", is_flag=True, help="No progress, no summary."),
        click.option("--no-samples", is_flag=True, help="Keep rows and images of your data out of the results."),
        click.option("--fail-on", type=click.Choice(["never", "warning", "error"]), default="never", show_default=True),
        click.option(
            "--custom-objects",
            type=click.Path(),
            metavar="FILE.py",
            help="Python file with the model's custom classes.",
        ),
        click.option(
            "--lambda",
            "lambdas",
            multiple=True,
            metavar="LAYER=FILE.py:FUNCTION",
            help="Function of a Lambda layer; the code in the model file is never run.",
        ),
        click.option(
            "--architecture", type=click.Path(), metavar="FILE", help="Model JSON, if MODEL holds only weights."
        ),
        click.option("--loader", metavar="FILE.py:FUNCTION", help="Python function that reads DATA."),
        click.option(
            "--factory",
            metavar="FILE.py:FUNCTION",
            help="Python function that makes a fresh model, where no config rebuilds it (a subclassed one).",
        ),
        click.option("--group", metavar="COLUMN", help="Column that groups related rows (a patient, a speaker)."),
        click.option("--time", metavar="COLUMN", help="Column with the time of a row."),
        click.option("--trust", is_flag=True, help="Allow code in the model file (like safe_mode=False)."),
    ]
    for option in reversed(given):
        function = option(function)
    return function
