"""The valid files that the fuzzer mutates: small models with many kinds of layers, and data, in each format."""

import io
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from diagnose.loading.signatures import Port, Signature

SIGNATURE = Signature((Port("x", (4,)),), (Port("y", (1,), activation="sigmoid"),))
TEXTS = {".csv", ".tsv", ".txt", ".data", ".jsonl"}
_MODELS = {".h5", ".keras"}


def is_model(name: str) -> bool:
    """Whether a file is a model and not data."""
    return Path(name).suffix in _MODELS


def bytecode(canary: Path) -> dict[str, Any]:
    """A lambda that creates the canary, as Keras saves it."""
    from keras.src.utils.python_utils import func_dump

    code, defaults, closure = func_dump(eval(f"lambda x: open({str(canary)!r}, 'w') and x"))
    return {"code": code, "defaults": defaults, "closure": closure}


def plant_packages(folder: Path, canary: Path) -> None:
    """Write packages that create the canary when imported."""
    for name in ("evil", "keras_hub", "keras_nlp", "keras_cv"):
        (folder / name).mkdir(parents=True)
        for file in ("__init__.py", "evil.py"):
            (folder / name / file).write_text(f"open({str(canary)!r}, 'w')\nclass Evil:\n    pass\nDense = Evil\n")


def read(folder: Path) -> dict[str, bytes]:
    """Name -> content of every seed. Files named "good" are not mutated."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.stem != "good"}


def make(folder: Path) -> None:
    """Write the seeds into a new folder."""
    folder.mkdir()
    _models(folder)
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 4)).astype("f4"), random.integers(0, 2, 20)
    np.savez(folder / "good.npz", x=x, y=y)
    np.savez(folder / "plain.npz", x_train=x, y_train=y, x_test=x[:5], y_test=y[:5])
    np.savez_compressed(folder / "packed.npz", x=x, y=y.astype(str))
    np.save(folder / "x_train.npy", x)
    _tables(folder, x, y)
    _images(folder, x)


def _models(folder: Path) -> None:
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    plain = keras.Sequential([keras.Input((4,)), layers.Dense(3, "relu"), layers.Dense(1, "sigmoid")])
    plain.compile("adam", "binary_crossentropy")
    plain.fit(np.zeros((4, 4)), np.zeros(4), verbose=0)
    inputs = keras.Input((4,))
    x = layers.Reshape((4, 1))(inputs)
    x = layers.Conv1D(2, 2, kernel_regularizer="l2")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)
    x = layers.Dropout(0.1)(keras.ops.relu(x))
    x = layers.Add()([x, layers.Dense(4)(x)])
    x = layers.GlobalAveragePooling1D()(x)
    graph = keras.Model(inputs, layers.Dense(1, "sigmoid", kernel_initializer=keras.initializers.HeNormal(seed=1))(x))
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    graph.compile(keras.optimizers.SGD(schedule, momentum=0.9), keras.losses.BinaryCrossentropy())
    for name, model in {"plain": plain, "graph": graph}.items():
        model.save(folder / f"{name}.h5")
        model.save(folder / f"{name}.keras")
    plain.save(folder / "good.h5")
    _keras_2(folder / "plain.h5", folder / "keras2.h5")
    plain.save_weights(folder / "only.weights.h5")


def _keras_2(source: Path, target: Path) -> None:
    """The same model in the format of Keras 2, with compressed weights."""
    target.write_bytes(source.read_bytes())
    with h5py.File(target, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        first = config["config"]["layers"].pop(0)
        config["config"]["layers"][0]["config"]["batch_input_shape"] = first["config"]["batch_shape"]
        for layer in config["config"]["layers"]:
            layer.pop("module", None)
            layer["config"]["dtype"] = "float32"
        training = {"loss": "binary_crossentropy", "metrics": ["acc"], "sample_weight_mode": None}
        optimizer = {"class_name": "Adam", "config": {"lr": 0.001, "decay": 1e-6, "beta_1": 0.9}}
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["training_config"] = json.dumps(training | {"optimizer_config": optimizer})
        file.attrs["keras_version"] = "2.2.4-tf"
        names: list[str] = []
        file.visit(names.append)
        for name in names:
            if isinstance(file[name], h5py.Dataset) and file[name].shape:
                values = file[name][()]
                del file[name]
                file.create_dataset(name, data=values, chunks=True, compression="gzip", shuffle=True)


def _tables(folder: Path, x: Any, y: Any) -> None:
    header = ["a", "b", "c", "d", "label"]
    rows = [[*map(repr, map(float, one)), str(label)] for one, label in zip(x, y, strict=True)]
    for name, separator in {"train.csv": ",", "train.tsv": "\t", "train.data": " ", "train.txt": ";"}.items():
        lines = [header, *rows]
        (folder / name).write_text("\n".join(separator.join(line) for line in lines) + "\n")
    text = [[one[0], "?", f'"a, {i}"', "Rome", label] for i, (*one, label) in enumerate(rows)]
    (folder / "text.csv").write_text("\n".join(",".join(line) for line in [header, *text]))
    records = [dict(zip(header, map(float, line), strict=True)) for line in rows]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, records)))
    try:
        import pandas as pd

        pd.DataFrame(records).to_parquet(folder / "train.parquet")
    except ImportError:  # pyarrow is an optional extra
        pass


def _images(folder: Path, x: Any) -> None:
    """The idx format of MNIST: a magic number, the sizes, the bytes."""
    stream = io.BytesIO(b"\x00\x00\x08\x02" + (20).to_bytes(4) + (4).to_bytes(4) + (x > 0).astype("u1").tobytes())
    (folder / "train-images-idx2-ubyte").write_bytes(stream.getvalue())
