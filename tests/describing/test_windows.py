"""Receptive fields of models built with Keras."""

import keras
from keras import layers

from diagnose.describing.receptive_fields import receptive_fields
from diagnose.measuring.bench import Bench
from diagnose.measuring.network import network
from diagnose.settings import Settings
from tests.measuring.architectures import labels, numbers, subject_of, three


def test_a_residual_net_with_strides_pooling_and_upsampling() -> None:
    inputs = keras.Input((32, 32, 3), name="in")
    x = layers.Conv2D(4, 5, strides=2, padding="same", name="stem")(inputs)
    y = layers.SeparableConv2D(4, 3, dilation_rate=2, padding="same", name="wide")(layers.ReLU(name="relu")(x))
    x = layers.Add(name="add")([x, y])
    x = layers.AveragePooling2D(2, name="pool")(x)
    x = layers.UpSampling2D(name="up")(x)
    x = layers.Conv2DTranspose(2, 3, strides=2, padding="same", name="back")(x)
    outputs = layers.Dense(3, activation="softmax", name="last")(layers.Flatten(name="flat")(x))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    subject = subject_of(model, (three(),), (numbers(32, 32, 3),), (labels(3),))
    with Bench(subject, Settings()) as bench:
        fields = receptive_fields(network(bench, {}).layers)
    assert fields["stem"] == fields["relu"] == (5, 5)
    assert fields["wide"] == fields["add"] == (5 + 2 * 2 * 2,) * 2
    assert fields["pool"] == fields["up"] == (13 + 2,) * 2
    assert fields["back"] == (15 + 2,) * 2
    assert fields["flat"] == fields["last"] == (None, None)
