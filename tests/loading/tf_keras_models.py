"""Tiny models of every layer kind, built by tf_keras (Keras 2): what `test_against_tf_keras` saves and loads again.

A row of LAYERS is the shape of one input row and the layers on it; a row of MODELS a function that builds the model.
"""

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
        (3,), lambda: [L.Dense(4, activation=name) for name in ("softmax", "sigmoid", "linear", "relu", "leaky_relu")]
    ),
    "functions of tf.nn": ((3,), lambda: [L.Dense(4, activation=tf.nn.leaky_relu), L.Dense(3, activation=tf.nn.relu6)]),
    "a layer as activation": ((3,), lambda: [L.Dense(4, activation=L.LeakyReLU(0.2)), L.Dense(2, activation=L.ReLU())]),
    "activation layers": (
        (3,), lambda: [L.LeakyReLU(), L.LeakyReLU(0.1), L.PReLU(), L.ELU(0.5), L.Softmax(), L.Activation("relu")]
    ),
    "bounded relu": ((3,), lambda: [L.ReLU(max_value=0.5, negative_slope=0.1, threshold=0.2)]),
    "thresholded relu": ((3,), lambda: [L.ThresholdedReLU(0.3), L.Dense(2)]),
    "prelu with shared axes": (PICTURE, lambda: [L.PReLU(shared_axes=[1, 2])]),
    "softmax over axes": (PICTURE, lambda: [L.Softmax(axis=[1, 2])]),
    "einsum dense": (SERIES, lambda: [L.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d")]),
    "experimental einsum dense": (SERIES, lambda: [L.experimental.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d")]),
    # --- convolutions
    "conv 1d": (SERIES, lambda: [L.Conv1D(3, 2, padding="same"), L.Conv1D(2, 2, padding="causal", dilation_rate=2)]),
    "conv 2d": (PICTURE, lambda: [L.Conv2D(3, (3, 2), strides=2, padding="same"), L.Conv2D(4, 2, dilation_rate=2)]),
    "conv 2d in groups": (PICTURE, lambda: [L.Conv2D(4, 3, groups=2, use_bias=False)]),
    "conv 3d": (VOLUME, lambda: [L.Conv3D(3, 2, padding="same")]),
    "transposed 1d": (SERIES, lambda: [L.Conv1DTranspose(3, 3, strides=2, padding="same")]),
    "transposed 2d": (PICTURE, lambda: [L.Conv2DTranspose(3, 3, strides=2, padding="valid")]),
    "transposed 2d with output padding": (
        PICTURE, lambda: [L.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1)]
    ),
    "transposed 2d with output padding, valid": (PICTURE, lambda: [L.Conv2DTranspose(3, 3, strides=3, output_padding=2)]),
    "transposed 3d": (VOLUME, lambda: [L.Conv3DTranspose(2, 3, strides=2, padding="same")]),
    "depthwise 1d": (SERIES, lambda: [L.DepthwiseConv1D(2, depth_multiplier=2)]),
    "depthwise 2d": (PICTURE, lambda: [L.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)]),
    "separable": (PICTURE, lambda: [L.SeparableConv2D(3, 3, depth_multiplier=2), L.Reshape((24, 3)), L.SeparableConv1D(2, 3)]),
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
        PICTURE, lambda: [L.ZeroPadding2D(((1, 0), (2, 1))), L.Cropping2D((1, 2)), L.Reshape((-1, 2)), L.ZeroPadding1D(2), L.Cropping1D((1, 0))]
    ),
    "padding and cropping 3d": (VOLUME, lambda: [L.ZeroPadding3D(1), L.Cropping3D(((0, 1), (1, 0), (1, 1)))]),
    "upsampling": (PICTURE, lambda: [L.UpSampling2D(2), L.UpSampling2D((1, 2), interpolation="bilinear")]),
    "upsampling, bicubic": (PICTURE, lambda: [L.UpSampling2D(3, interpolation="bicubic")]),
    "upsampling, other ways": (
        PICTURE, lambda: [L.UpSampling2D(2, interpolation="lanczos3"), L.UpSampling2D(2, interpolation="lanczos5")]
    ),
    "upsampling, area": (PICTURE, lambda: [L.UpSampling2D(2, interpolation="area")]),
    "upsampling 1d": (SERIES, lambda: [L.UpSampling1D(2)]),
    "upsampling 3d": (VOLUME, lambda: [L.UpSampling3D(2)]),
    "shapes": ((8,), lambda: [L.Reshape((4, -1)), L.Permute((2, 1)), L.Flatten(), L.RepeatVector(2)]),
    "flatten, channels first": (PICTURE, lambda: [L.Flatten(data_format="channels_first"), L.Dense(2)]),
    # --- normalisation and noise
    "batch normalisation": (PICTURE, lambda: [L.BatchNormalization(), L.BatchNormalization(axis=1, epsilon=0.1, scale=False)]),
    "synchronised batch normalisation": ((4,), lambda: [L.experimental.SyncBatchNormalization()]),
    "batch normalisation, synchronised": ((4,), lambda: [L.BatchNormalization(synchronized=True, center=False)]),
    "renormalisation": ((4,), lambda: [L.BatchNormalization(renorm=True)]),
    "layer normalisation": (SERIES, lambda: [L.LayerNormalization(), L.LayerNormalization(axis=[1, 2], epsilon=0.1)]),
    "group normalisation": (PICTURE, lambda: [L.GroupNormalization(groups=2), L.GroupNormalization(groups=-1)]),
    "unit normalisation": (SERIES, lambda: [L.UnitNormalization(), L.UnitNormalization(axis=[1, 2])]),
    "dropout": ((4,), lambda: [L.Dropout(0.5, noise_shape=(None, 1), seed=3), L.GaussianNoise(0.1), L.GaussianDropout(0.2), L.AlphaDropout(0.1)]),
    "spatial dropout": (PICTURE, lambda: [L.SpatialDropout2D(0.3), L.Reshape((48, 2)), L.SpatialDropout1D(0.3)]),
    "activity regularisation": ((4,), lambda: [L.ActivityRegularization(0.1), L.Dense(2, activity_regularizer="l1")]),
    # --- recurrent
    "lstm": (SERIES, lambda: [L.LSTM(3, return_sequences=True), L.LSTM(2)]),
    "lstm with hard sigmoid": (SERIES, lambda: [L.LSTM(3, recurrent_activation="hard_sigmoid", activation="relu")]),
    "lstm, unrolled and backwards": (SERIES, lambda: [L.LSTM(3, unroll=True, go_backwards=True, unit_forget_bias=False)]),
    "lstm, stateless without bias": (SERIES, lambda: [L.LSTM(3, use_bias=False, dropout=0.1, implementation=1)]),
    "gru": (SERIES, lambda: [L.GRU(3, return_sequences=True), L.GRU(2, reset_after=False)]),
    "gru with hard sigmoid": (SERIES, lambda: [L.GRU(3, recurrent_activation="hard_sigmoid")]),
    "simple rnn": (SERIES, lambda: [L.SimpleRNN(3)]),
    "rnn of a cell": (SERIES, lambda: [L.RNN(L.LSTMCell(3), return_sequences=True), L.RNN(L.GRUCell(2))]),
    "rnn of hard cells": (SERIES, lambda: [L.RNN(L.LSTMCell(3, recurrent_activation="hard_sigmoid"))]),
    "stacked cells": (SERIES, lambda: [L.RNN([L.LSTMCell(3), L.SimpleRNNCell(2)])]),
    "bidirectional": (SERIES, lambda: [L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.GRU(2), merge_mode="sum")]),
    "bidirectional, two kinds": (
        SERIES, lambda: [L.Bidirectional(L.LSTM(3), backward_layer=L.GRU(3, go_backwards=True), merge_mode="ave")]
    ),
    "conv lstm": ((3, 6, 5, 2), lambda: [L.ConvLSTM2D(3, 2, padding="same")]),
    "conv lstm 1d": ((3, 6, 2), lambda: [L.ConvLSTM1D(3, 2, return_sequences=True)]),
    "conv lstm, sigmoid": ((3, 6, 5, 2), lambda: [L.ConvLSTM2D(3, 2, recurrent_activation="sigmoid")]),
    "masking": (SERIES, lambda: [L.Masking(0.0), L.LSTM(3), L.Dense(1)]),
    "time distributed": (SERIES, lambda: [L.TimeDistributed(L.Dense(3, activation="relu")), L.TimeDistributed(L.Dense(2))]),
    "time distributed convolution": ((3, 8, 6, 2), lambda: [L.TimeDistributed(L.Conv2D(2, 3)), L.TimeDistributed(L.Flatten()), L.LSTM(2)]),
    # --- pictures
    "rescaling": (PICTURE, lambda: [L.Rescaling(1 / 255, offset=-0.5)]),
    "experimental rescaling": (PICTURE, lambda: [L.experimental.preprocessing.Rescaling(2.0)]),
    "resizing": (PICTURE, lambda: [L.Resizing(5, 9), L.Resizing(8, 8, interpolation="nearest")]),
    "resizing, other ways": (PICTURE, lambda: [L.Resizing(5, 9, interpolation="bicubic"), L.Resizing(8, 4, crop_to_aspect_ratio=True)]),
    "resizing, area": (PICTURE, lambda: [L.Resizing(4, 3, interpolation="area")]),
    "centre crop": (PICTURE, lambda: [L.CenterCrop(4, 5)]),
    "centre crop of a smaller picture": (PICTURE, lambda: [L.CenterCrop(12, 5)]),
    "augmentation": (
        PICTURE,
        lambda: [L.RandomFlip("horizontal"), L.RandomRotation(0.1), L.RandomZoom(0.1), L.RandomContrast(0.2), L.RandomTranslation(0.1, 0.1)],
    ),
    "random crop": (PICTURE, lambda: [L.RandomCrop(4, 4)]),
    "random brightness": (PICTURE, lambda: [L.RandomBrightness(0.2)]),
    "random height and width": (PICTURE, lambda: [L.RandomHeight(0.1), L.RandomWidth(0.1), L.GlobalAveragePooling2D()]),
    "normalization": (SERIES, lambda: [L.Normalization(axis=-1), L.Dense(2)]),
    "normalization, inverted": (SERIES, lambda: [L.Normalization(axis=[1, 2], invert=True)]),
    "normalization by given figures": ((3,), lambda: [L.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0])]),
    "experimental normalization": ((3,), lambda: [L.experimental.preprocessing.Normalization()]),
    "identity": ((3,), lambda: [L.Identity(), L.Dense(1)]),
}  # fmt: skip


# --- models that are no plain series of layers ---------------------------------------------------


def _joined(join: Callable[[list[Any]], Any], shape: tuple[int, ...] = (3,), count: int = 2) -> Callable[[], Any]:
    def make() -> Any:
        inputs = [L.Input(shape) for _ in range(count)]
        return tf_keras.Model(inputs, join(inputs))

    return make


def _on_tensor(function: Callable[[Any], Any], shape: tuple[int, ...] = (3,)) -> Callable[[], Any]:
    """A functional model that calls TensorFlow itself."""
    return _joined(lambda inputs: function(inputs[0]), shape, count=1)


def _on_tokens(layers: Layers, length: int = 5) -> Callable[[], Any]:
    return lambda: tf_keras.Sequential([L.Input((length,), dtype="int32"), *layers()])


def _siamese() -> Any:
    shared = L.Dense(4, activation="relu")
    left, right = L.Input((3,)), L.Input((3,))
    return tf_keras.Model([left, right], L.Concatenate()([shared(left), shared(shared(right)[:, :3])]))


def _shared_twice() -> Any:
    shared, left, right = L.Dense(3), L.Input((3,)), L.Input((3,))
    return tf_keras.Model([left, right], L.Subtract()([shared(shared(left)), shared(right)]))


def _residual() -> Any:
    x = inputs = L.Input(PICTURE)
    x = L.BatchNormalization()(L.Conv2D(2, 3, padding="same")(x))
    return tf_keras.Model(inputs, L.Dense(2)(L.Flatten()(L.Add()([inputs, L.ReLU(6.0)(x)]))))


def _nested(outer_sequential: bool, inner_sequential: bool) -> Callable[[], Any]:
    """A model in a model, with weights of both kinds (trainable or not) in both."""

    def make() -> Any:
        if inner_sequential:
            inner = tf_keras.Sequential([L.Input((4,)), L.Dense(3), L.BatchNormalization(), L.Dense(2)])
        else:
            start = L.Input((4,))
            inner = tf_keras.Model(start, L.Dense(2)(L.BatchNormalization()(L.Dense(3)(start))))
        if outer_sequential:
            return tf_keras.Sequential([L.Input((4,)), L.BatchNormalization(), inner, L.Dense(1)])
        inputs = L.Input((4,))
        return tf_keras.Model(inputs, L.Dense(1)(inner(L.BatchNormalization()(inputs))))

    return make


def _teachable_machine() -> Any:
    """A Sequential model of two Sequential models, the first of which holds a functional one."""
    start = L.Input((8, 8, 3))
    x = L.DepthwiseConv2D(3)(L.ZeroPadding2D(1)(start))
    features = tf_keras.Model(start, L.ReLU(6.0)(L.BatchNormalization()(x)))
    first = tf_keras.Sequential([features, L.GlobalAveragePooling2D()])
    second = tf_keras.Sequential([L.Dense(4, activation="relu", input_shape=(3,)), L.Dense(2, use_bias=False)])
    return tf_keras.Sequential([first, second])


def _frozen() -> Any:
    """Frozen layers change the order of the weights in the file."""
    inner = tf_keras.Sequential([L.Input((4,)), L.Dense(3), L.BatchNormalization(), L.Dense(2)])
    inner.layers[0].trainable = False
    model = tf_keras.Sequential([L.Input((4,)), inner, L.Dense(1)])
    return model


def _frozen_nested() -> Any:
    model = _frozen()
    model.layers[0].trainable = False
    return model


def _several_outputs() -> Any:
    inputs = L.Input((3,), name="figures")
    x = L.Dense(4)(inputs)
    return tf_keras.Model({"figures": inputs}, {"b": L.Dense(1, name="b")(x), "a": L.Dense(2, name="a")(x)})


def _states() -> Any:
    inputs = L.Input(SERIES)
    sequence, *state = L.LSTM(3, return_sequences=True, return_state=True)(inputs)
    return tf_keras.Model(inputs, L.GRU(3, return_sequences=True)(sequence, initial_state=state[0]))


def _attention(layer: Callable[[], Any]) -> Callable[[], Any]:
    return _joined(lambda inputs: layer()(inputs), SERIES, count=3)


def _multi_head() -> Any:
    query, value = L.Input((4, 3)), L.Input((6, 5))
    attended, scores = L.MultiHeadAttention(2, 3, value_dim=2)(query, value, return_attention_scores=True)
    return tf_keras.Model([query, value], [L.LayerNormalization()(query + attended), scores])


def _transformer() -> Any:
    tokens = L.Input((5,), dtype="int32")
    x = L.Embedding(9, 4)(tokens)
    x = L.LayerNormalization(epsilon=1e-6)(L.Add()([x, L.MultiHeadAttention(2, 2)(x, x)]))
    x = L.LayerNormalization(epsilon=1e-6)(x + L.Dense(4)(L.Dense(8, activation="gelu")(x)))
    return tf_keras.Model(tokens, L.Dense(2)(L.GlobalAveragePooling1D()(x)))


def _masked_attention() -> Any:
    inputs = L.Input(SERIES)
    x = L.MultiHeadAttention(2, 3, attention_axes=(1,))(inputs, inputs, use_causal_mask=True)
    return tf_keras.Model(inputs, L.Attention()([x, x], use_causal_mask=True))


def _mixed_precision() -> Any:
    return tf_keras.Sequential([L.Input((3,)), L.Dense(4, dtype="mixed_bfloat16"), L.Dense(2, dtype="float32")])


def _double() -> Any:
    return tf_keras.Sequential([L.Input((3,), dtype="float64"), L.Dense(4, dtype="float64")])


def _masked_and_joined() -> Any:
    tokens = L.Input((5,), dtype="int32")
    x, y = L.Embedding(9, 3, mask_zero=True)(tokens), L.Embedding(9, 3, mask_zero=True)(tokens)
    return tf_keras.Model(tokens, L.LSTM(2)(L.Concatenate()([L.Add()([x, y]), y])))


def _masked_self_attention() -> Any:
    tokens = L.Input((5,), dtype="int32")
    x = L.Embedding(9, 4, mask_zero=True)(tokens)
    x = L.Attention()([L.MultiHeadAttention(2, 2)(x, x), x])
    return tf_keras.Model(tokens, L.GlobalAveragePooling1D()(x))


def _masked_arithmetic() -> Any:
    tokens = L.Input((5,), dtype="int32")
    x = L.Embedding(9, 4, mask_zero=True)(tokens)
    return tf_keras.Model(tokens, L.LSTM(2)(x * 2.0 + 1.0))


MODELS: dict[str, Callable[[], Any]] = {
    "no input layer": lambda: tf_keras.Sequential([L.Dense(4, input_shape=(3,)), L.Dense(2)]),
    "fixed batch": lambda: tf_keras.Sequential([L.Dense(4, batch_input_shape=(3, 3)), L.Dense(2)]),
    "stateful": lambda: tf_keras.Sequential([L.LSTM(4, batch_input_shape=(3, *SERIES), stateful=True), L.Dense(2)]),
    "series of any length": lambda: tf_keras.Sequential([L.LSTM(4, input_shape=(None, 4)), L.Dense(2)]),
    "embedding": _on_tokens(lambda: [L.Embedding(9, 3, mask_zero=True), L.LSTM(2)]),
    "embedding of a length": lambda: tf_keras.Sequential(
        [L.Embedding(9, 3, input_length=5, dtype="float32"), L.Flatten(), L.Dense(1)]
    ),
    "category encoding": _on_tokens(lambda: [L.CategoryEncoding(9, output_mode="multi_hot"), L.Dense(1)]),
    "category encoding, one-hot": _on_tokens(lambda: [L.CategoryEncoding(9, output_mode="one_hot")], length=1),
    "discretization": lambda: tf_keras.Sequential([L.Input((3,)), L.Discretization([-1.0, 0.0, 1.0])]),
    "discretization, one-hot": lambda: tf_keras.Sequential(
        [L.Input((1,)), L.Discretization([-1.0, 0.5], output_mode="one_hot"), L.Dense(1)]
    ),
    "hashing": _on_tokens(lambda: [L.Hashing(7, salt=3)]),
    "integer lookup": _on_tokens(lambda: [L.IntegerLookup(vocabulary=[1, 3, 2]), L.Embedding(5, 2)]),
    "integer lookup, multi-hot": _on_tokens(lambda: [L.IntegerLookup(vocabulary=[1, 3], output_mode="multi_hot")]),
    "add": _joined(L.Add()),
    "subtract": _joined(L.Subtract()),
    "multiply": _joined(L.Multiply()),
    "average": _joined(L.Average(), count=3),
    "maximum": _joined(L.Maximum()),
    "minimum": _joined(L.Minimum()),
    "concatenate": _joined(L.Concatenate(axis=1), SERIES),
    "dot": _joined(L.Dot(axes=1), SERIES),
    "dot of unit vectors": _joined(L.Dot(axes=(2, 2), normalize=True), SERIES),
    "shared layer": _shared_twice,
    "siamese": _siamese,
    "residual": _residual,
    "sequential in sequential": _nested(True, True),
    "functional in sequential": _nested(True, False),
    "sequential in functional": _nested(False, True),
    "functional in functional": _nested(False, False),
    "teachable machine": _teachable_machine,
    "frozen layer in a model": _frozen,
    "frozen model in a model": _frozen_nested,
    "outputs by name": _several_outputs,
    "states": _states,
    "attention": _attention(L.Attention),
    "attention, scaled": _attention(lambda: L.Attention(use_scale=True)),
    "attention, concat": _attention(lambda: L.Attention(score_mode="concat", use_scale=True)),
    "additive attention": _attention(L.AdditiveAttention),
    "additive attention, plain": _attention(lambda: L.AdditiveAttention(use_scale=False)),
    "multi-head attention": _multi_head,
    "transformer": _transformer,
    "masked attention": _masked_attention,
    "mixed precision": _mixed_precision,
    "double precision": _double,
    "masks": _on_tokens(
        lambda: [L.Embedding(9, 3, mask_zero=True), L.Dense(4), L.Dropout(0.1), L.Bidirectional(L.LSTM(2, return_sequences=True)), L.GlobalAveragePooling1D()]
    ),
    "masks through more": _on_tokens(
        lambda: [L.Embedding(9, 4, mask_zero=True), L.LayerNormalization(), L.Activation("relu"), L.TimeDistributed(L.Dense(2)), L.GRU(2)]
    ),
    "masks end at a convolution": _on_tokens(lambda: [L.Embedding(9, 3, mask_zero=True), L.Conv1D(2, 2), L.LSTM(2)]),
    "masked flatten": _on_tokens(lambda: [L.Embedding(9, 3, mask_zero=True), L.Flatten(), L.Dense(2)]),
    "masked and joined": _masked_and_joined,
    "masked self-attention": _masked_self_attention,
    "masked arithmetic": _masked_arithmetic,
    # --- TensorFlow's own functions
    "arithmetic": _on_tensor(lambda x: (2 * x + 1) / (3 - x * x) - x**2),
    "arithmetic of two": _joined(lambda x: tf.maximum(x[0] + x[1], tf.abs(x[0] - x[1]) * x[1])),
    "constants first": _on_tensor(lambda x: 1 - x + tf.constant([1.0, 2.0, 3.0]) * x),
    "functions": _on_tensor(lambda x: tf.exp(tf.tanh(x)) + tf.sqrt(tf.square(x)) + tf.math.log(tf.abs(x) + 1)),
    "tf.nn": _on_tensor(lambda x: tf.nn.softmax(tf.nn.relu(x) + tf.nn.sigmoid(x)) + tf.nn.leaky_relu(x) + tf.nn.elu(x)),
    "reductions": _on_tensor(
        lambda x: tf.reduce_mean(x, axis=1) + tf.reduce_sum(x, 1) + tf.reduce_max(x, axis=[1]) - tf.reduce_min(x, axis=1), SERIES
    ),
    "reduction with axes": _on_tensor(lambda x: tf.reduce_mean(x, axis=[1, 2], keepdims=True) * x, SERIES),
    "shapes by TensorFlow": _on_tensor(
        lambda x: tf.squeeze(tf.expand_dims(tf.transpose(tf.reshape(x, (-1, 4, 6)), [0, 2, 1]), 1), 1), SERIES
    ),
    "concat and stack": _on_tensor(lambda x: tf.concat([x, tf.stack([x[..., 0], x[..., 1]], axis=-1)], axis=-1), SERIES),
    "slices": _on_tensor(lambda x: x[:, 1:5:2, -1] + x[:, 0, tf.newaxis, 1], SERIES),
    "clip and cast": _on_tensor(lambda x: tf.cast(tf.cast(tf.clip_by_value(x, -1, 1) * 4, "int32"), "float32")),
    "matmul": _joined(lambda x: tf.matmul(x[0], x[1], transpose_b=True), SERIES),
    "comparison": _on_tensor(lambda x: tf.where(x > 0.5, x, 0.0)),
    "unit length": _on_tensor(lambda x: tf.math.l2_normalize(x, axis=-1)),
    "split": _on_tensor(lambda x: tf.split(x, 2, axis=-1)[1], SERIES),
    "embedding lookup": _on_tensor(lambda x: tf.one_hot(tf.cast(tf.abs(x), "int32"), 3)),
    "resize": _on_tensor(lambda x: tf.image.resize(x, (4, 3)), PICTURE),
    "pad": _on_tensor(lambda x: tf.pad(x, [[0, 0], [1, 2]])),
}  # fmt: skip


def _one_layer(shape: tuple[int, ...], layer: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: tf_keras.Sequential([L.Input(shape), layer()])


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "interpolation": (
        _one_layer(PICTURE, lambda: L.UpSampling2D(2, interpolation="gaussian")),
        'layer "up_sampling2d" interpolates by gaussian, which Keras 3 does not know: replace it by bilinear or bicubic',
    ),
    "implementation": (
        _one_layer(PICTURE, lambda: L.LocallyConnected2D(3, 3, implementation=2)),
        'layer "locally_connected2d" is a LocallyConnected2D with another implementation than 1, which is not supported',
    ),
    "time major": (
        _one_layer(SERIES, lambda: L.LSTM(3, time_major=True)),
        'layer "lstm" is a LSTM with time_major=True, which Keras 3 does not know: pass --custom-objects FILE.py',
    ),
    "random numbers": (
        _on_tensor(lambda x: x + tf.random.normal((3,)) + tf.math.erf(x)),
        "calls the TensorFlow function tf.math.erf, which is not known here: build the model with layers or keras.ops",
    ),
}
