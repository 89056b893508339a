"""Writes reports of every kind from real examinations of small models, to inspect changes to the page.

python -m benchmarks.quality.gallery DIR [--only NAME] [--redraw]

Writes NAME.json and NAME.html; `--redraw` renders the pages again from existing JSON files.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SEED = 0


def _digits() -> tuple[Any, Any]:
    """Images of 8 x 8 pixels with values 0 to 16, and their digits."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.images[..., None].astype("float32"), data.target.astype("int32")


def _parts(x: Any, y: Any, *sizes: float) -> list[tuple[Any, Any]]:
    """The rows in a seeded order, split at these shares."""
    import numpy as np

    order = np.random.default_rng(SEED).permutation(len(x))
    return [(x[part], y[part]) for part in np.split(order, [int(size * len(x)) for size in sizes])]


def _classifier(*hidden: Any, optimizer: Any = "adam", shape: tuple[int, ...] = (8, 8, 1)) -> Any:
    import keras

    keras.utils.set_random_seed(SEED)
    model = keras.Sequential([keras.Input(shape), *hidden, keras.layers.Dense(10, activation="softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _convolutional() -> list[Any]:
    from keras import layers

    return [
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.25),
        layers.Dense(64, activation="relu"),
    ]


def healthy() -> Any:
    """A good convolutional network, with all three splits and a target error."""
    import diagnose

    x, y = _digits()
    train, dev, test = _parts(x / 16, y, 0.7, 0.85)
    model = _classifier(*_convolutional())
    history = model.fit(*train, epochs=25, batch_size=32, validation_data=dev, verbose=0)
    given = {"history": history, "epochs": 25, "batch_size": 32, "target_error": 0.02}
    return diagnose.examine(model, train, dev, test, **given)


def numerics() -> Any:
    """A training that diverged: the weights are NaN."""
    import keras

    import diagnose

    x, y = _digits()
    train, dev = _parts(x * 16, y, 0.75)
    model = _classifier(*_convolutional(), optimizer=keras.optimizers.SGD(1.0))
    model.fit(*train, epochs=3, batch_size=32, verbose=0)
    return diagnose.examine(model, train, dev, epochs=3, batch_size=32)


def data() -> Any:
    """Unscaled pixels of 0 to 255, with plain SGD."""
    import keras
    from keras import layers

    import diagnose

    x, y = _digits()
    train, dev = _parts(x / 16 * 255, y, 0.75)
    hidden = [layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(64, activation="relu")]
    model = _classifier(*hidden, optimizer=keras.optimizers.SGD(0.1))
    model.fit(*train, epochs=10, batch_size=32, verbose=0)
    return diagnose.examine(model, train, dev, epochs=10, batch_size=32)


def network() -> Any:
    """A residual network whose second block is dead from the start, because its initial biases are far below zero."""
    import keras
    from keras import layers

    import diagnose

    keras.utils.set_random_seed(SEED)
    x, y = _digits()
    train, dev = _parts(x / 16, y, 0.75)
    inputs = keras.Input((8, 8, 1), name="picture")
    body = layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
    inner = layers.Conv2D(16, 3, padding="same", activation="relu")(body)
    body = layers.Add()([body, layers.Conv2D(16, 3, padding="same", activation="relu")(inner)])
    body = layers.MaxPooling2D()(body)
    body = layers.Conv2D(32, 3, padding="same", activation="relu", bias_initializer=keras.initializers.Constant(-8))(
        body
    )
    outputs = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(body))
    model = keras.Model(inputs, outputs, name="residual")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*train, epochs=5, batch_size=32, verbose=0)
    return diagnose.examine(model, train, dev, epochs=5, batch_size=32)


def optimisation() -> Any:
    """A learning rate a thousand times too low."""
    import keras

    import diagnose

    x, y = _digits()
    train, dev = _parts(x / 16, y, 0.75)
    model = _classifier(*_convolutional(), optimizer=keras.optimizers.Adam(1e-6))
    history = model.fit(*train, epochs=8, batch_size=32, validation_data=dev, verbose=0)
    return diagnose.examine(model, train, dev, epochs=8, batch_size=32, history=history)


def high_rate() -> Any:
    """A convolutional network whose learning rate is too high: its training never settles."""
    import keras

    import diagnose

    x, y = _digits()
    train, dev = _parts(x / 16, y, 0.75)
    model = _classifier(*_convolutional(), optimizer=keras.optimizers.Adam(0.05))
    history = model.fit(*train, epochs=8, batch_size=32, validation_data=dev, verbose=0)
    return diagnose.examine(model, train, dev, epochs=8, batch_size=32, history=history)


def missed_class() -> Any:
    """A digit of which the training rows have two examples, and which the network never gives."""
    import numpy as np

    import diagnose

    x, y = _digits()
    (rows, labels), dev = _parts(x / 16, y, 0.6)
    kept = np.sort(np.r_[np.flatnonzero(labels != 8), np.flatnonzero(labels == 8)[:2]])
    train = rows[kept], labels[kept]
    model = _classifier(*_convolutional())
    history = model.fit(*train, epochs=6, batch_size=32, validation_data=dev, verbose=0)
    return diagnose.examine(model, train, dev, epochs=6, batch_size=32, history=history)


def segmentation() -> Any:
    """Masks of small bright squares in noise: three pixels in a hundred are inside."""
    import keras
    import numpy as np
    from keras import layers

    import diagnose

    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    x = rng.normal(0, 0.6, (400, 32, 32, 1)).astype("float32")
    y = np.zeros((400, 32, 32, 1), "float32")
    for mask, (top, left), size in zip(y, rng.integers(0, 24, (400, 2)), rng.integers(4, 8, 400), strict=True):
        mask[top : top + size, left : left + size] = 1
    train, dev = _parts(x + y, y, 0.75)
    inputs = keras.Input((32, 32, 1), name="picture")
    fine = layers.Conv2D(8, 3, padding="same", activation="relu", name="fine")(inputs)
    coarse = layers.Conv2D(16, 3, padding="same", activation="relu", name="coarse")(layers.MaxPooling2D()(fine))
    both = layers.Concatenate(name="skip")([fine, layers.UpSampling2D()(coarse)])
    mask = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(both)
    model = keras.Model(inputs, mask, name="small_unet")
    model.compile("adam", "binary_crossentropy")
    history = model.fit(*train, epochs=4, batch_size=16, validation_data=dev, verbose=0)
    return diagnose.examine(model, train, dev, epochs=4, batch_size=16, history=history)


def generalisation() -> Any:
    """Overfitting on 150 rows."""
    from keras import layers

    import diagnose

    x, y = _digits()
    train, dev, test, _ = _parts(x / 16, y, 0.085, 0.4, 0.7)
    model = _classifier(layers.Flatten(), layers.Dense(512, activation="relu"), layers.Dense(512, activation="relu"))
    history = model.fit(*train, epochs=60, batch_size=16, validation_data=dev, verbose=0)
    given = {"history": history, "epochs": 60, "batch_size": 16, "target_error": 0.02}
    return diagnose.examine(model, train, dev, test, **given)


def regression() -> Any:
    """Disease progression from ten numbers per patient: a table with column names and a weak signal."""
    import keras
    from keras import layers
    from sklearn.datasets import load_diabetes

    import diagnose

    keras.utils.set_random_seed(SEED)
    frame = load_diabetes(as_frame=True, scaled=False).frame
    order = frame.sample(frac=1, random_state=SEED)
    train, dev = order.iloc[:320], order.iloc[320:]
    norm = layers.Normalization()
    norm.adapt(train.drop(columns="target").to_numpy("float32"))
    hidden = [layers.Dense(32, activation="relu"), layers.Dense(32, activation="relu"), layers.Dense(1)]
    model = keras.Sequential([keras.Input((10,)), norm, *hidden])
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    fed = [
        (part.drop(columns="target").to_numpy("float32"), part["target"].to_numpy("float32")) for part in (train, dev)
    ]
    history = model.fit(*fed[0], epochs=120, batch_size=32, validation_data=fed[1], verbose=0)
    return diagnose.examine(model, train, dev, target="target", history=history, epochs=120, batch_size=32)


def many_outputs() -> Any:
    """Two towers and two outputs: the digit and the amount of ink."""
    import keras
    import numpy as np
    from keras import layers

    import diagnose

    keras.utils.set_random_seed(SEED)
    x, y = _digits()
    x = x / 16
    ink = x.mean(axis=(1, 2, 3))
    thirds = np.digitize(ink, np.quantile(ink, [0.33, 0.67]))
    cut = int(0.75 * len(x))
    picture, profile = keras.Input((8, 8, 1), name="picture"), keras.Input((8,), name="profile")
    left = layers.Conv2D(16, 3, activation="relu", name="look")(picture)
    left = layers.GlobalMaxPooling2D()(layers.Conv2D(32, 3, activation="relu", name="look_again")(left))
    right = layers.Dense(16, activation="relu", name="sums")(profile)
    both = layers.Concatenate(name="together")([left, right])
    both = layers.Dense(64, activation="relu", name="shared")(both)
    outputs = {
        "digit": layers.Dense(10, activation="softmax", name="digit")(both),
        "ink": layers.Dense(3, activation="softmax", name="ink")(both),
    }
    model = keras.Model({"picture": picture, "profile": profile}, outputs, name="two_towers")
    model.compile("adam", dict.fromkeys(outputs, "sparse_categorical_crossentropy"))
    inputs = {"picture": x, "profile": x.sum(axis=(1, 3))}
    targets = {"digit": y, "ink": thirds.astype("int32")}
    train, dev = (
        ({name: rows[part] for name, rows in inputs.items()}, {name: rows[part] for name, rows in targets.items()})
        for part in (slice(cut), slice(cut, None))
    )
    model.fit(*train, epochs=15, batch_size=32, verbose=0)
    return diagnose.examine(model, train, dev, epochs=15, batch_size=32)


def text() -> Any:
    """A recurrent network on token ids: does one token occur before another?"""
    import keras
    import numpy as np
    from keras import layers

    import diagnose

    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    x = rng.integers(1, 60, size=(1_500, 16)).astype("int32")
    y = (np.argmax(x == 7, axis=1) < np.argmax(x == 9, axis=1)).astype("int32")
    train, dev = _parts(x, y, 0.75)
    recurrent = layers.Bidirectional(layers.LSTM(16))
    hidden = [layers.Embedding(60, 16), recurrent, layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential([keras.Input((16,), dtype="int32"), *hidden])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(*train, epochs=12, batch_size=32, validation_data=dev, verbose=0)
    return diagnose.examine(model, train, dev, history=history, epochs=12, batch_size=32)


def deep_200() -> Any:
    """A residual network of 200 layers, examined without training."""
    import keras
    from keras import layers

    import diagnose

    keras.utils.set_random_seed(SEED)
    x, y = _digits()
    train, dev = _parts(x / 16, y, 0.75)
    inputs = keras.Input((8, 8, 1))
    body = layers.Conv2D(8, 3, padding="same", name="stem")(inputs)
    for stage, block in ((stage, block) for stage in range(3) for block in range(8)):
        inner = body
        for part in range(2):
            name = f"stage{stage}_block{block}_{part}"
            inner = layers.BatchNormalization(name=f"{name}_norm")(inner)
            inner = layers.Activation("relu", name=f"{name}_relu")(inner)
            inner = layers.Conv2D(8, 3, padding="same", name=f"{name}_conv")(inner)
        inner = layers.SpatialDropout2D(0.05, name=f"stage{stage}_block{block}_drop")(inner)
        body = layers.Add(name=f"stage{stage}_block{block}_add")([body, inner])
        if block == 7 and stage < 2:
            body = layers.MaxPooling2D(name=f"stage{stage}_pool")(body)
    outputs = layers.Dense(10, activation="softmax", name="digit")(layers.GlobalAveragePooling2D()(body))
    model = keras.Model(inputs, outputs, name="residual_200")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*train, epochs=2, batch_size=64, verbose=0)
    return diagnose.examine(model, train, dev, effort="quick", epochs=2, batch_size=64)


def without_dev() -> Any:
    """Only training rows."""
    import diagnose

    x, y = _digits()
    model = _classifier(*_convolutional())
    model.fit(x / 16, y, epochs=8, batch_size=32, verbose=0)
    return diagnose.examine(model, (x / 16, y), epochs=8, batch_size=32, no_samples=True)


def interrupted() -> Any:
    """Ctrl-C during the learning rate range test."""
    import _thread

    import diagnose

    x, y = _digits()
    train, dev = _parts(x / 16, y, 0.75)
    model = _classifier(*_convolutional())
    model.fit(*train, epochs=4, batch_size=32, verbose=0)

    def stop(instrument: str) -> None:
        if instrument == "learning rates":
            import threading

            threading.Timer(0.5, _thread.interrupt_main).start()

    return diagnose.examine(model, train, dev, epochs=4, batch_size=32, progress=stop)


def callback() -> Any:
    """A training watched by the callback, with an oscillating loss."""
    import keras

    import diagnose

    x, y = _digits()
    train, dev = _parts(x / 16, y, 0.75)
    model = _classifier(*_convolutional(), optimizer=keras.optimizers.SGD(0.8))
    watching = diagnose.DiagnosisCallback(probe=train)
    model.fit(*train, epochs=6, batch_size=32, validation_data=dev, verbose=0, callbacks=[watching])
    return watching.diagnosis


EVERY: dict[str, Callable[[], Any]] = {
    made.__name__: made
    for made in (
        healthy,
        numerics,
        data,
        network,
        optimisation,
        high_rate,
        missed_class,
        segmentation,
        generalisation,
        regression,
        many_outputs,
        text,
        deep_200,
        without_dev,
        interrupted,
        callback,
    )
}


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--only", multiple=True, type=click.Choice(list(EVERY)), help="One report; may be repeated.")
@click.option("--redraw", is_flag=True, help="Render the pages again without examining.")
def main(folder: Path, only: tuple[str, ...], redraw: bool) -> None:
    """Run the command."""
    import diagnose

    folder.mkdir(parents=True, exist_ok=True)
    for name in only or EVERY:
        kept = folder / f"{name}.json"
        diagnosis = diagnose.Diagnosis.load(kept) if redraw else EVERY[name]()
        if not redraw:
            diagnosis.save(kept)
        diagnosis.save(folder / f"{name}.html")
        click.echo(f"{name:15} {diagnosis.state.value:10} {diagnosis.headline}")


if __name__ == "__main__":
    main()
