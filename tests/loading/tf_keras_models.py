"""Tiny models of tf_keras (Keras 2) that are not a plain series of layers, and some that Keras 3 cannot compute."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras

from tests.loading.tf_keras_layers import PICTURE, SERIES, L, Layers


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
    return tf_keras.Sequential([L.Input((4,)), inner, L.Dense(1)])


def _frozen_nested() -> Any:
    model = _frozen()
    model.layers[0].trainable = False
    return model


def _several_outputs() -> Any:
    inputs = L.Input((3,), name="figures")
    x = L.Dense(4)(inputs)
    return tf_keras.Model({"figures": inputs}, {"b": L.Dense(1, name="b")(x), "a": L.Dense(2, name="a")(x)})


def _slashes() -> Any:
    """As MobileNetV3 and models converted from TensorFlow 1 call their layers; one new name would be taken."""
    inputs = L.Input((3,), name="in/figures")
    x = L.Dense(4, name="block/dense")(L.Dense(4, name="block_dense")(inputs))
    inner = tf_keras.Sequential([L.Dense(3, name="a/b")], name="inner/model")
    return tf_keras.Model(inputs, [L.Dense(1, name="out/price")(inner(x)), L.Dense(2, name="out/area")(x)])


def _states() -> Any:
    inputs = L.Input(SERIES)
    sequence, *state = L.LSTM(3, return_sequences=True, return_state=True)(inputs)
    return tf_keras.Model(inputs, L.GRU(3, return_sequences=True)(sequence, initial_state=state[0]))


def _attention(kind: Any, **settings: Any) -> Callable[[], Any]:
    def join(inputs: list[Any]) -> Any:
        return kind(**settings)(inputs)

    return _joined(join, SERIES, count=3)


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
    "attention, scaled": _attention(L.Attention, use_scale=True),
    "attention, concat": _attention(L.Attention, score_mode="concat", use_scale=True),
    "additive attention": _attention(L.AdditiveAttention),
    "additive attention, plain": _attention(L.AdditiveAttention, use_scale=False),
    "multi-head attention": _multi_head,
    "transformer": _transformer,
    "masked attention": _masked_attention,
    "mixed precision": _mixed_precision,
    "double precision": _double,
    "masks": _on_tokens(
        lambda: [
            L.Embedding(9, 3, mask_zero=True),
            L.Dense(4),
            L.Dropout(0.1),
            L.Bidirectional(L.LSTM(2, return_sequences=True)),
            L.GlobalAveragePooling1D(),
        ]
    ),
    "masks through more": _on_tokens(
        lambda: [
            L.Embedding(9, 4, mask_zero=True),
            L.LayerNormalization(),
            L.Activation("relu"),
            L.TimeDistributed(L.Dense(2)),
            L.GRU(2),
        ]
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
        lambda x: (
            tf.reduce_mean(x, axis=1) + tf.reduce_sum(x, 1) + tf.reduce_max(x, axis=[1]) - tf.reduce_min(x, axis=1)
        ),
        SERIES,
    ),
    "reduction with axes": _on_tensor(lambda x: tf.reduce_mean(x, axis=[1, 2], keepdims=True) * x, SERIES),
    "shapes by TensorFlow": _on_tensor(
        lambda x: tf.squeeze(tf.expand_dims(tf.transpose(tf.reshape(x, (-1, 4, 6)), [0, 2, 1]), 1), 1), SERIES
    ),
    "concat and stack": _on_tensor(
        lambda x: tf.concat([x, tf.stack([x[..., 0], x[..., 1]], axis=-1)], axis=-1), SERIES
    ),
    "slices": _on_tensor(lambda x: x[:, 1:5:2, -1] + x[:, 0, tf.newaxis, 1], SERIES),
    "clip and cast": _on_tensor(lambda x: tf.cast(tf.cast(tf.clip_by_value(x, -1, 1) * 4, "int32"), "float32")),
    "matmul": _joined(lambda x: tf.matmul(x[0], x[1], transpose_b=True), SERIES),
    "comparison": _on_tensor(lambda x: tf.where(x > 0.5, x, 0.0)),
    "unit length": _on_tensor(lambda x: tf.math.l2_normalize(x, axis=-1)),
    "split": _on_tensor(lambda x: tf.split(x, 2, axis=-1)[1], SERIES),
    "embedding lookup": _on_tensor(lambda x: tf.one_hot(tf.cast(tf.abs(x), "int32"), 3)),
    "preprocessing of VGG and ResNet": _on_tensor(
        lambda x: tf_keras.applications.vgg16.preprocess_input(tf_keras.applications.resnet50.preprocess_input(x)),
        (8, 6, 3),
    ),
    "bias before the pixels": _on_tensor(
        lambda x: tf.nn.bias_add(tf.nn.bias_add(x, [1.0, 2.0]), [float(i) for i in range(8)], data_format="NCHW"),
        PICTURE,
    ),
    "more functions": _on_tensor(
        lambda x: tf.math.erf(x) + tf.math.expm1(x) + tf.math.reciprocal(x) + tf.tan(x) + tf.cumsum(x, axis=1)
    ),
    "places": _on_tensor(
        lambda x: tf.gather(x, [2, 0], axis=-1) + tf.roll(tf.reverse(x, [1]), shift=1, axis=1)[..., :2], SERIES
    ),
    "places of each row": _on_tensor(
        lambda x: tf.gather(x, tf.cast(x[:, :, 0] > 0, "int32"), axis=1, batch_dims=1), SERIES
    ),
    "norms": _on_tensor(lambda x: tf.norm(x, axis=-1) + tf.norm(x, ord=1, axis=-1), SERIES),
    "whether any": _on_tensor(
        lambda x: tf.cast(tf.reduce_any(x > 1, axis=1), "float32") + tf.cast(tf.reduce_all(x > -1, axis=1), "float32"),
        SERIES,
    ),
    "names with slashes": _slashes,
    "resize": _on_tensor(lambda x: tf.image.resize(x, (4, 3)), PICTURE),
    "pad": _on_tensor(lambda x: tf.pad(x, [[0, 0], [1, 2]])),
}


def _one_layer(shape: tuple[int, ...], layer: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: tf_keras.Sequential([L.Input(shape), layer()])


def _learned_boundaries() -> Any:
    layer = L.Discretization(num_bins=3)
    layer.adapt(tf.constant([[0.1], [0.4], [0.7], [0.9]]))
    return tf_keras.Sequential([L.Input((1,)), layer])


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "interpolation": (
        _one_layer(PICTURE, lambda: L.UpSampling2D(2, interpolation="gaussian")),
        "interpolates by gaussian, which Keras 3 does not know: replace it by bilinear or bicubic",
    ),
    "implementation": (
        _one_layer(PICTURE, lambda: L.LocallyConnected2D(3, 3, implementation=2)),
        "is a LocallyConnected2D whose implementation must be 1: replace it by a convolution and train again",
    ),
    "time major": (
        _one_layer(SERIES, lambda: L.LSTM(3, time_major=True)),
        'layer "lstm" is a LSTM with time_major=True, which Keras 3 does not know: pass --custom-objects FILE.py',
    ),
    "learned boundaries": (
        _learned_boundaries,
        "is a Discretization with boundaries learned from data, which Keras 3 does not read: build it with",
    ),
    "another function": (
        _on_tensor(lambda x: x + tf.math.lgamma(x)),
        "calls tf.math.lgamma in an unknown way: build the model with layers",
    ),
}
