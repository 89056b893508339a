"""Checks of the training: learning rate, gradients, optimizer and loss curves."""

from diagnose.checks.optimisation import (
    batch_size,
    divergence,
    exploding_gradients,
    large_updates,
    learning_rate_too_high,
    learning_rate_too_low,
    optimizer_settings,
    overwritten_weights,
    penalty_share,
    plateau,
    slow_learning,
    small_updates,
    unbalanced_losses,
    unmoved_weights,
    unstable_seeds,
    vanishing_gradients,
)

CHECKS = (
    learning_rate_too_high.learning_rate_too_high,
    learning_rate_too_low.learning_rate_too_low,
    divergence.divergence,
    vanishing_gradients.vanishing_gradients,
    exploding_gradients.exploding_gradients,
    slow_learning.slow_learning,
    plateau.plateau,
    penalty_share.penalty_share,
    optimizer_settings.optimizer_settings,
    batch_size.batch_size,
    unbalanced_losses.unbalanced_losses,
    unstable_seeds.unstable_seeds,
    small_updates.small_updates,
    large_updates.large_updates,
    overwritten_weights.overwritten_weights,
    unmoved_weights.unmoved_weights,
)
