"""Watches of a training, one file for each Keras backend."""
