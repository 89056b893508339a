"""Trials of remedies on copies of the model: a short training with one change, compared with the same one without."""
