"""Tiny series of every kind of layer of tf_keras (Keras 2): the shape of one input row, and the layers on it."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras

L: Any = tf_keras.layers
Layers = Callable[[], list[Any]]

SERIES, PICTURE, VOLUME = (6, 4), (8, 6, 2), (4, 4, 4, 2)
LAYERS: dict[str, tuple[tuple[int, ...], Layers]] = {
    # --- dense and activations
    "dense": ((3,), lambda: [L.Dense(4, activation="relu"), L.Dense(2, use_bias=False)]),
    "dense on a series": (SERIES, lambda: [L.Dense(3, kernel_regularizer="l2", kernel_constraint="max_norm")]),
    "hard sigmoid": ((3,), lambda: [L.Dense(4, activation="hard_sigmoid"), L.Activation("hard_sigmoid")]),
    "activations": (
        (3,),
        lambda: [
            L.Dense(4, activation=name)
            for name in ("elu", "exponential", "gelu", "selu", "softplus", "softsign", "swish", "mish", "tanh")
        ],
    ),
    "more activations": (
        (3,),
        lambda: [L.Dense(4, activation=name) for name in ("softmax", "sigmoid", "linear", "relu", "leaky_relu")],
    ),
    "functions of tf.nn": ((3,), lambda: [L.Dense(4, activation=tf.nn.leaky_relu), L.Dense(3, activation=tf.nn.relu6)]),
    "a layer as activation": ((3,), lambda: [L.Dense(4, activation=L.LeakyReLU(0.2)), L.Dense(2, activation=L.ReLU())]),
    "activation layers": (
        (3,),
        lambda: [L.LeakyReLU(), L.LeakyReLU(0.1), L.PReLU(), L.ELU(0.5), L.Softmax(), L.Activation("relu")],
    ),
    "bounded relu": ((3,), lambda: [L.ReLU(max_value=0.5, negative_slope=0.1, threshold=0.2)]),
    "thresholded relu": ((3,), lambda: [L.ThresholdedReLU(0.3), L.Dense(2)]),
    "prelu with shared axes": (PICTURE, lambda: [L.PReLU(shared_axes=[1, 2])]),
    "softmax over axes": (PICTURE, lambda: [L.Softmax(axis=[1, 2])]),
    "einsum dense": (SERIES, lambda: [L.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d")]),
    "experimental einsum dense": (
        SERIES,
        lambda: [L.experimental.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d")],
    ),
    # --- convolutions
    "conv 1d": (SERIES, lambda: [L.Conv1D(3, 2, padding="same"), L.Conv1D(2, 2, padding="causal", dilation_rate=2)]),
    "conv 2d": (PICTURE, lambda: [L.Conv2D(3, (3, 2), strides=2, padding="same"), L.Conv2D(4, 2, dilation_rate=2)]),
    "conv 2d in groups": (PICTURE, lambda: [L.Conv2D(4, 3, groups=2, use_bias=False)]),
    "conv 3d": (VOLUME, lambda: [L.Conv3D(3, 2, padding="same")]),
    "transposed 1d": (SERIES, lambda: [L.Conv1DTranspose(3, 3, strides=2, padding="same")]),
    "transposed 2d": (PICTURE, lambda: [L.Conv2DTranspose(3, 3, strides=2, padding="valid")]),
    "transposed 2d with output padding": (
        PICTURE,
        lambda: [L.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1)],
    ),
    "transposed 2d with output padding, valid": (
        PICTURE,
        lambda: [L.Conv2DTranspose(3, 3, strides=3, output_padding=2)],
    ),
    "transposed 3d": (VOLUME, lambda: [L.Conv3DTranspose(2, 3, strides=2, padding="same")]),
    "depthwise 1d": (SERIES, lambda: [L.DepthwiseConv1D(2, depth_multiplier=2)]),
    "depthwise 2d": (PICTURE, lambda: [L.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)]),
    "separable": (
        PICTURE,
        lambda: [L.SeparableConv2D(3, 3, depth_multiplier=2), L.Reshape((24, 3)), L.SeparableConv1D(2, 3)],
    ),
    "locally connected 1d": (SERIES, lambda: [L.LocallyConnected1D(3, 2, strides=2)]),
    "locally connected 2d": (PICTURE, lambda: [L.LocallyConnected2D(3, (3, 2), strides=(2, 1), activation="relu")]),
    # --- pooling and shapes
    "pooling 1d": (SERIES, lambda: [L.MaxPooling1D(2, padding="same"), L.AveragePooling1D(2, 1, padding="same")]),
    "pooling 2d": (PICTURE, lambda: [L.MaxPooling2D(3, 1, padding="same"), L.AveragePooling2D(3, 2, padding="same")]),
    "pooling 3d": (VOLUME, lambda: [L.MaxPooling3D(2, 1), L.AveragePooling3D(2, 2, padding="same")]),
    "global pooling 1d": (SERIES, lambda: [L.GlobalMaxPooling1D(keepdims=True), L.GlobalAveragePooling1D()]),
    "global pooling 2d": (PICTURE, lambda: [L.GlobalAveragePooling2D(keepdims=True), L.GlobalMaxPooling2D()]),
    "global pooling 3d": (VOLUME, lambda: [L.GlobalAveragePooling3D(keepdims=True), L.GlobalMaxPooling3D()]),
    "padding and cropping": (
        PICTURE,
        lambda: [
            L.ZeroPadding2D(((1, 0), (2, 1))),
            L.Cropping2D((1, 2)),
            L.Reshape((-1, 2)),
            L.ZeroPadding1D(2),
            L.Cropping1D((1, 0)),
        ],
    ),
    "padding and cropping 3d": (VOLUME, lambda: [L.ZeroPadding3D(1), L.Cropping3D(((0, 1), (1, 0), (1, 1)))]),
    "upsampling": (PICTURE, lambda: [L.UpSampling2D(2), L.UpSampling2D((1, 2), interpolation="bilinear")]),
    "upsampling, bicubic": (PICTURE, lambda: [L.UpSampling2D(3, interpolation="bicubic")]),
    "upsampling, other ways": (
        PICTURE,
        lambda: [L.UpSampling2D(2, interpolation="lanczos3"), L.UpSampling2D(2, interpolation="lanczos5")],
    ),
    "upsampling, area": (PICTURE, lambda: [L.UpSampling2D(2, interpolation="area")]),
    "upsampling 1d": (SERIES, lambda: [L.UpSampling1D(2)]),
    "upsampling 3d": (VOLUME, lambda: [L.UpSampling3D(2)]),
    "shapes": ((8,), lambda: [L.Reshape((4, -1)), L.Permute((2, 1)), L.Flatten(), L.RepeatVector(2)]),
    "flatten, channels first": (PICTURE, lambda: [L.Flatten(data_format="channels_first"), L.Dense(2)]),
    # --- normalisation and noise
    "batch normalisation": (
        PICTURE,
        lambda: [L.BatchNormalization(), L.BatchNormalization(axis=1, epsilon=0.1, scale=False)],
    ),
    "synchronised batch normalisation": ((4,), lambda: [L.experimental.SyncBatchNormalization()]),
    "batch normalisation, synchronised": ((4,), lambda: [L.BatchNormalization(synchronized=True, center=False)]),
    "renormalisation": ((4,), lambda: [L.BatchNormalization(renorm=True)]),
    "layer normalisation": (SERIES, lambda: [L.LayerNormalization(), L.LayerNormalization(axis=[1, 2], epsilon=0.1)]),
    "group normalisation": (PICTURE, lambda: [L.GroupNormalization(groups=2), L.GroupNormalization(groups=-1)]),
    "unit normalisation": (SERIES, lambda: [L.UnitNormalization(), L.UnitNormalization(axis=[1, 2])]),
    "dropout": (
        (4,),
        lambda: [
            L.Dropout(0.5, noise_shape=(None, 1), seed=3),
            L.GaussianNoise(0.1),
            L.GaussianDropout(0.2),
            L.AlphaDropout(0.1),
        ],
    ),
    "spatial dropout": (PICTURE, lambda: [L.SpatialDropout2D(0.3), L.Reshape((48, 2)), L.SpatialDropout1D(0.3)]),
    "activity regularisation": ((4,), lambda: [L.ActivityRegularization(0.1), L.Dense(2, activity_regularizer="l1")]),
    # --- recurrent
    "lstm": (SERIES, lambda: [L.LSTM(3, return_sequences=True), L.LSTM(2)]),
    "lstm with hard sigmoid": (SERIES, lambda: [L.LSTM(3, recurrent_activation="hard_sigmoid", activation="relu")]),
    "lstm, unrolled and backwards": (
        SERIES,
        lambda: [L.LSTM(3, unroll=True, go_backwards=True, unit_forget_bias=False)],
    ),
    "lstm, stateless without bias": (SERIES, lambda: [L.LSTM(3, use_bias=False, dropout=0.1, implementation=1)]),
    "gru": (SERIES, lambda: [L.GRU(3, return_sequences=True), L.GRU(2, reset_after=False)]),
    "gru with hard sigmoid": (SERIES, lambda: [L.GRU(3, recurrent_activation="hard_sigmoid")]),
    "simple rnn": (SERIES, lambda: [L.SimpleRNN(3)]),
    "rnn of a cell": (SERIES, lambda: [L.RNN(L.LSTMCell(3), return_sequences=True), L.RNN(L.GRUCell(2))]),
    "rnn of hard cells": (SERIES, lambda: [L.RNN(L.LSTMCell(3, recurrent_activation="hard_sigmoid"))]),
    "stacked cells": (SERIES, lambda: [L.RNN([L.LSTMCell(3), L.SimpleRNNCell(2)])]),
    "bidirectional": (
        SERIES,
        lambda: [L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.GRU(2), merge_mode="sum")],
    ),
    "bidirectional, two kinds": (
        SERIES,
        lambda: [L.Bidirectional(L.LSTM(3), backward_layer=L.GRU(3, go_backwards=True), merge_mode="ave")],
    ),
    "conv lstm": ((3, 6, 5, 2), lambda: [L.ConvLSTM2D(3, 2, padding="same")]),
    "conv lstm 1d": ((3, 6, 2), lambda: [L.ConvLSTM1D(3, 2, return_sequences=True)]),
    "conv lstm, sigmoid": ((3, 6, 5, 2), lambda: [L.ConvLSTM2D(3, 2, recurrent_activation="sigmoid")]),
    "masking": (SERIES, lambda: [L.Masking(0.0), L.LSTM(3), L.Dense(1)]),
    "time distributed": (
        SERIES,
        lambda: [L.TimeDistributed(L.Dense(3, activation="relu")), L.TimeDistributed(L.Dense(2))],
    ),
    "time distributed convolution": (
        (3, 8, 6, 2),
        lambda: [L.TimeDistributed(L.Conv2D(2, 3)), L.TimeDistributed(L.Flatten()), L.LSTM(2)],
    ),
    # --- pictures
    "rescaling": (PICTURE, lambda: [L.Rescaling(1 / 255, offset=-0.5)]),
    "experimental rescaling": (PICTURE, lambda: [L.experimental.preprocessing.Rescaling(2.0)]),
    "resizing": (PICTURE, lambda: [L.Resizing(5, 9), L.Resizing(8, 8, interpolation="nearest")]),
    "resizing, other ways": (
        PICTURE,
        lambda: [L.Resizing(5, 9, interpolation="bicubic"), L.Resizing(8, 4, crop_to_aspect_ratio=True)],
    ),
    "resizing, area": (PICTURE, lambda: [L.Resizing(4, 3, interpolation="area")]),
    "centre crop": (PICTURE, lambda: [L.CenterCrop(4, 5)]),
    "centre crop of a smaller picture": (PICTURE, lambda: [L.CenterCrop(12, 5)]),
    "augmentation": (
        PICTURE,
        lambda: [
            L.RandomFlip("horizontal"),
            L.RandomRotation(0.1),
            L.RandomZoom(0.1),
            L.RandomContrast(0.2),
            L.RandomTranslation(0.1, 0.1),
        ],
    ),
    "random crop": (PICTURE, lambda: [L.RandomCrop(4, 4)]),
    "random brightness": (PICTURE, lambda: [L.RandomBrightness(0.2)]),
    "random height and width": (PICTURE, lambda: [L.RandomHeight(0.1), L.RandomWidth(0.1), L.GlobalAveragePooling2D()]),
    "normalization": (SERIES, lambda: [L.Normalization(axis=-1), L.Dense(2)]),
    "normalization, inverted": (SERIES, lambda: [L.Normalization(axis=[1, 2], invert=True)]),
    "normalization by given figures": ((3,), lambda: [L.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0])]),
    "experimental normalization": ((3,), lambda: [L.experimental.preprocessing.Normalization()]),
    "identity": ((3,), lambda: [L.Identity(), L.Dense(1)]),
}
