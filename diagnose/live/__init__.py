"""Watching a training from inside `fit`: what the callback is made of."""
