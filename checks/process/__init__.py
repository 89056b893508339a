"""Checks of how the model was trained and evaluated."""

from diagnose.checks.process import (
    log_unlike_evaluation,
    no_dev_set,
    overfit_batch,
    still_improving,
    worse_than_replays,
)

CHECKS = (
    overfit_batch.overfit_batch,
    still_improving.still_improving,
    worse_than_replays.worse_than_replays,
    log_unlike_evaluation.log_unlike_evaluation,
    no_dev_set.no_dev_set,
)
