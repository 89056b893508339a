"""Describes the subject for a diagnosis: facts, errors, figures, layers and sample rows."""
