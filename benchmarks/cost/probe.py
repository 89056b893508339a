"""Cost of the probe: activation statistics compared with `predict`, gradient statistics with a train step.

Prints the median ratio of process CPU times with its quartiles, from interleaved pairs. (Wall time is unreliable on a
shared machine.) Run with `python -m benchmarks.cost.probe`.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cost.nets import small_cnn

BAR = 1.3
PAIRS = 15
ROWS = 2_048
BATCH = 256


def ratio(ours: Callable[[], Any], theirs: Callable[[], Any], pairs: int = PAIRS) -> tuple[float, float, float]:
    """Median, lower and upper quartile of the CPU time of `ours` over that of `theirs`, after a warm-up."""
    for function in (ours, theirs):
        function()
        function()
    ratios = [_seconds(ours) / _seconds(theirs) for _ in range(pairs)]
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return float(middle), float(low), float(high)


def _seconds(function: Callable[[], Any]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def models() -> dict[str, tuple[Any, Any]]:
    """Name -> (compiled model, inputs): a dense, a convolutional, a recurrent and an attention network."""
    import keras
    from keras import layers

    generator = np.random.default_rng(0)
    pictures = generator.normal(size=(ROWS, 28, 28, 1)).astype("float32")
    tokens = generator.integers(1, 1000, (ROWS, 40))
    dense = keras.Sequential(
        [keras.Input((784,)), *(layers.Dense(256, activation="relu") for _ in range(2)), layers.Dense(10)]
    )
    recurrent = keras.Sequential(
        [keras.Input((40,), dtype="int32"), layers.Embedding(1000, 32), layers.LSTM(64), layers.Dense(10)]
    )
    given = keras.Input((40,), dtype="int32")
    x = layers.Embedding(1000, 64)(given)
    for _ in range(2):
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 16)(x, x))
        x = layers.LayerNormalization()(x + layers.Dense(64)(layers.Dense(128, activation="gelu")(x)))
    attention = keras.Model(given, layers.Dense(10)(layers.GlobalAveragePooling1D()(x)))
    found = {
        "dense": (dense, pictures.reshape(ROWS, -1)),
        "convolution": (small_cnn(activation=None), pictures),
        "recurrent": (recurrent, tokens),
        "attention": (attention, tokens),
    }
    for model, _ in found.values():
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    return found


def measure(model: Any, inputs: Any) -> dict[str, tuple[float, float, float]]:
    """All ratios for one model: statistics on `ROWS` rows, gradients on batches of 64.

    The bare compiled forward pass is the strictest comparison, because `predict` has overhead of its own.
    """
    import keras
    import tensorflow as tf

    from diagnose.measuring.activations import PASS_THROUGH, first_weighted
    from diagnose.measuring.probe import compile_gradients, compile_statistics
    from diagnose.measuring.walking import kernels, walk

    walked = walk(model)
    tracked = tuple(part for part in walked.parts if part.kind not in PASS_THROUGH)
    mixing = tuple(part for part in walked.parts if kernels(part))
    labels = np.random.default_rng(1).integers(0, 10, len(inputs))
    statistics = compile_statistics(model, tracked, first_weighted(walked, {}), training=False)
    gradients = compile_gradients(model, mixing)
    batch = (inputs[:64], labels[:64], None)
    on_device = keras.tree.map_structure(tf.constant, batch[:2])

    @tf.function(autograph=False)
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=True))
        model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    @tf.function(autograph=False)
    def forward(x: Any) -> Any:
        return model(x, training=False)

    def over_rows(function: Callable[[Any], Any]) -> list[Any]:
        return [function(inputs[i : i + BATCH]) for i in range(0, ROWS, BATCH)]

    model.optimizer.build(model.trainable_variables)
    return {
        "statistics / predict": ratio(
            lambda: over_rows(statistics), lambda: model.predict(inputs, batch_size=BATCH, verbose=0)
        ),
        "statistics / bare forward": ratio(
            lambda: over_rows(statistics), lambda: over_rows(lambda rows: forward(tf.constant(rows)))
        ),
        "gradients / train step": ratio(
            lambda: [gradients(batch) for _ in range(8)], lambda: [step(*on_device) for _ in range(8)]
        ),
    }


def main() -> None:
    """Print a table: model, ratio, median, quartiles, limit."""
    print(f"{'model':<14}{'ratio':<26}{'median':>8}{'quartiles':>16}{'limit':>7}")  # noqa: T201
    for name, (model, inputs) in models().items():
        for what, (middle, low, high) in measure(model, inputs).items():
            print(f"{name:<14}{what:<26}{middle:>8.2f}{f'{low:.2f} - {high:.2f}':>16}{BAR:>7}")  # noqa: T201


if __name__ == "__main__":
    main()
