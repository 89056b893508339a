"""Checks of the errors: how good the model is, and where the remaining error comes from."""

from diagnose.checks.generalisation import (
    avoidable_bias,
    behind_baseline,
    best_epoch,
    class_recall,
    collapsed_generator,
    collapsed_outputs,
    constant_predictions,
    data_mismatch,
    dev_overfitting,
    dev_set_size,
    does_not_learn,
    posterior_collapse,
    unfit_metric,
    variance,
)

CHECKS = (
    does_not_learn.does_not_learn,
    behind_baseline.behind_baseline,
    constant_predictions.constant_predictions,
    collapsed_outputs.collapsed_outputs,
    collapsed_generator.collapsed_generator,
    posterior_collapse.posterior_collapse,
    avoidable_bias.avoidable_bias,
    variance.variance,
    data_mismatch.data_mismatch,
    dev_set_size.dev_set_size,
    dev_overfitting.dev_overfitting,
    class_recall.class_recall,
    best_epoch.best_epoch,
    unfit_metric.unfit_metric,
)
