"""How to get what a check lacked, told from the reason why it could not run."""

import re

ADVICE = (
    (r"does not read a recorded|best constant prediction is unknown", "Leave the recorded history out: a replay from "
     "fresh weights is then made; or train with diagnose.DiagnosisCallback."),
    (r"train-dev", "Keep a tenth of train out of your next training and pass it as the split train_dev."),
    (r"trained on the|may have been trained on", "Keep rows that no training sees, and pass them as dev or test."),
    (r"no test split|dev or the test", "Pass rows that were used for nothing else: --test PATH."),
    (r"no dev|without a dev|dev error was not followed", "Pass rows the model was not trained on: --dev PATH."),
    (r"no column of groups", "Name the column that says which rows belong together: --group COLUMN."),
    (r"no column of times", "Name the column that says when a row came: --time COLUMN."),
    (r"interrupted", "Run it again, to the end."),
    (r"effort quick|effort (standard|deep)|it trains", "Run with --effort standard, or deep."),
    (r"history|followed|replay|on record|seed was|fewer than \d+ steps", "Pass the training's --history FILE, or train "
     "with diagnose.DiagnosisCallback; more --budget allows a longer replay."),
    (r"\d+ s at least|seconds|not run", "Grant more time: --budget SECONDS, or --effort deep."),
    (r"batch size", "Say how the model was trained: --batch-size N."),
    (r"own learning rate|optimizer is unknown|without a loss", "Name it: --optimizer, --learning-rate, --loss."),
    (r"sweep", "Nothing to do where the rate makes no difference; else --budget with more seconds."),
    (r"target error nor", "Say which error to reach: --target-error X."),
    (r"rebuilt|does not tell how its weight", "Give your own layers get_config, and pass --custom-objects FILE."),
    (r"pretrained|fine-tunes", "Nothing: what was pretrained has no fresh start to compare with."),
    (r"subclassed|operations outside layers|graph", "Build it with the functional API: its graph is then known."),
    (r"never trained|only tried on sick|passes the gate|no change was tried", "Nothing: it applies to other models."),
    (r"no output has a confusion matrix", "Nothing: it applies to classifiers of 2 to 30 classes."),
    (r"no input of the model takes numbers", "Nothing: it applies to inputs that are numbers."),
    (r"no trainable weights", "Set trainable = True where the model is to learn."),
    (r"too few|different rows|class only|do not vary|finite target", "Pass more rows: --rows all, or a larger file."),
)  # fmt: skip


def how_to_get(reason: str) -> str:
    """What to pass or change so that the check can run; a dash where no advice fits."""
    return next((advice for pattern, advice in ADVICE if re.search(pattern, reason)), "–")
