"""Checks of the data: inputs, labels and splits."""

from diagnose.checks.data import (
    class_imbalance,
    conflicting_labels,
    fed_unlike_training,
    input_scale,
    label_format,
    label_order,
    missing_classes,
    no_signal,
    non_finite_data,
    padding_not_masked,
    position_imbalance,
    preprocessing_mismatch,
    shared_groups,
    shared_rows,
    target_scale,
    time_order,
    token_range,
    uneven_feature_scales,
)
from diagnose.registry import Check

CHECKS: tuple[Check, ...] = (
    non_finite_data.non_finite_data,
    label_format.label_format,
    label_order.label_order,
    token_range.token_range,
    fed_unlike_training.fed_unlike_training,
    preprocessing_mismatch.preprocessing_mismatch,
    input_scale.input_scale,
    uneven_feature_scales.uneven_feature_scales,
    target_scale.target_scale,
    missing_classes.missing_classes,
    class_imbalance.class_imbalance,
    position_imbalance.position_imbalance,
    padding_not_masked.padding_not_masked,
    conflicting_labels.conflicting_labels,
    shared_rows.shared_rows,
    shared_groups.shared_groups,
    time_order.time_order,
    no_signal.no_signal,
)
