"""The network that several benchmarks use."""

from typing import Any

CLASSES = 10


def small_cnn(activation: str | None = "softmax") -> Any:
    """conv32-conv64-dense128 for 28 x 28 images of ten classes, not compiled."""
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(CLASSES, activation=activation),
        ]
    )
