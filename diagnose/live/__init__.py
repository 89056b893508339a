"""The parts of the callback, which watches a training from inside `fit`."""
