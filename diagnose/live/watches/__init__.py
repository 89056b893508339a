"""How a training is watched, one file for each Keras backend."""
