"""Remedies tried on copies: a training with one thing changed beside the same training without it."""
