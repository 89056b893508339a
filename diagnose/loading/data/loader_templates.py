"""A template for a loader of the user's own, for data in other formats: with the model's shapes and the files.

It is text for the user to complete. The command prints it after the error, and nothing of it is written or run.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.data.names import is_junk
from diagnose.loading.signatures import Port, Signature

_LOOKED_AT = 10_000  # files counted for the comment
_LISTED = 4  # files and suffixes named in it
_EXAMPLES = (
    '    "image": tf.io.FixedLenFeature([], tf.string),',
    '    "label": tf.io.FixedLenFeature([], tf.int64),',
)


class NotUnderstoodError(InputError):
    """Data that only a function of the user can read; `template` is the start of one."""

    def __init__(self, message: str, template: str) -> None:
        super().__init__(
            f"{message}; or read it with a function of yours, --loader FILE.py:FUNCTION (a template follows)"
        )
        self.template = template


def not_understood(message: str, data: Path, signature: Signature) -> NotUnderstoodError:
    """The error for a file or folder in a format that diagnose does not read.

    Args:
        message: what is wrong and what to pass instead, without a final point.
        data: the file or folder.
        signature: the model's inputs and outputs, for the template's comments.
    """
    return NotUnderstoodError(message, template(data, signature))


def template(data: Path, signature: Signature) -> str:
    """A Python file whose `load` returns the splits as soon as one function in it has been completed."""
    files = [data] if data.is_file() else _files(data)
    records = [file for file in files if is_records(file)]
    values = {
        "data": _printable(data),
        "ports": "\n".join(
            [_described("takes", "input", port) for port in signature.inputs]
            + [_described("gives", "output", port) for port in signature.outputs]
        ),
        "found": _found(data, files),
        "x": _value(signature.inputs),
        "y": _value(signature.outputs),
        "pattern": f"*{records[0].suffix if records else _commonest(files)}*",
    }
    if records:
        return _RECORDS.format(**values, features=_features(records[0]))
    return (_FILE if data.is_file() else _FOLDER).format(**values)


def is_records(file: Path) -> bool:
    """Whether a file has a name of TFRecord files: data.tfrecord, train.tfrec, train.tfrecord-00000-of-00010."""
    return any(suffix.lower().startswith((".tfrecord", ".tfrec")) for suffix in file.suffixes)


def _printable(text: object) -> str:
    """A name for a comment; a line end in it must not start code."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def _files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file() and not is_junk(path.name))
    return sorted(itertools.islice(found, _LOOKED_AT))


def _commonest(files: Sequence[Path]) -> str:
    return Counter(file.suffix for file in files).most_common(1)[0][0] if files else ""


def _described(verb: str, side: str, port: Port) -> str:
    dtype = f" {port.dtype}" if side == "input" else ""
    return f'#   it {verb} the {side} "{_printable(port.name)}":{dtype} {_shape(port)}'


def _shape(port: Port) -> str:
    return "of unknown shape" if port.shape is None else f"of shape {port.shape}"


def _value(ports: Sequence[Port]) -> str:
    """How one row of all inputs, or all outputs, is written."""
    if len(ports) == 1:
        return f"an array {_shape(ports[0])}"
    return "{" + ", ".join(f'"{_printable(port.name)}": an array {_shape(port)}' for port in ports) + "}"


def _found(data: Path, files: Sequence[Path]) -> str:
    if data.is_file():
        return f"the file {_printable(data.name)}"
    kinds = Counter(file.suffix or "no suffix" for file in files).most_common(_LISTED)
    listed = _printable(", ".join(f"{count:,} {kind}" for kind, count in kinds))
    first = _printable(", ".join(str(file.relative_to(data)) for file in files[:_LISTED]))
    return f"{len(files):,} files ({listed}), such as {first}" if files else "no files"


def _features(file: Path) -> str:
    """The fields of the first record, if it is a tf.train.Example and TensorFlow is installed; else an example."""
    try:
        import tensorflow as tf

        record = next(iter(tf.data.TFRecordDataset(str(file)))).numpy()
        fields = sorted(tf.train.Example.FromString(record).features.feature.items())
    except Exception:  # noqa: BLE001 - whatever damaged or other records lead to
        fields = []
    lines = [line for name, feature in fields if (line := _feature(name, feature))]
    return "\n".join(lines or _EXAMPLES)


def _feature(name: str, feature: Any) -> str:
    kinds = {"bytes_list": "string", "int64_list": "int64", "float_list": "float32"}
    kind = feature.WhichOneof("kind")
    if kind not in kinds:
        return ""
    count = len(getattr(feature, kind).value)
    return f"    {name!r}: tf.io.FixedLenFeature({[] if count == 1 else [count]}, tf.{kinds[kind]}),"


_HEAD = """# A loader for diagnose: complete the function that raises NotImplementedError, save this as loader.py, run
#
#     diagnose MODEL {data} --loader loader.py:load
#
# The model, row by row:
{ports}
# DATA holds {found}.

from pathlib import Path

"""

_SPLITS = """

def load(data: Path) -> dict:
    # Only "train" is needed; "dev" and "test" are rows that the model was not trained on. Each split is (x, y),
    # (x, y, sample_weight), a tf.data.Dataset, a keras.utils.PyDataset, or a generator of batches.
    return {{"train": {train}}}
"""

_FOLDER = (
    _HEAD
    + """import keras
import numpy as np
"""
    + _SPLITS.replace("{train}", "rows(sorted(data.rglob({pattern!r})))")
    + """

def rows(files: list) -> tuple:
    pairs = [read(file) for file in files]
    return keras.tree.map_structure(lambda *values: np.stack(values), *pairs)


def read(file: Path) -> tuple:
    # One file -> one row (x, y):
    #   x: {x}
    #   y: {y}, as the loss takes it
    raise NotImplementedError("complete read()")
"""
)

_FILE = (
    _HEAD
    + """import numpy as np
"""
    + _SPLITS.replace("{train}", "read(data)")
    + """

def read(file: Path) -> tuple:
    # All rows (x, y), with rows as the first axis; each row is
    #   x: {x}
    #   y: {y}, as the loss takes it
    raise NotImplementedError("complete read()")
"""
)

_RECORDS = (
    _HEAD
    + """import tensorflow as tf

# What a record holds, as the first one tells: compare it with the code that wrote the records.
FEATURES = {{
{features}
}}
"""
    + _SPLITS.replace("{train}", "records(sorted(data.rglob({pattern!r})) if data.is_dir() else [data])")
    + """

def records(files: list) -> tf.data.Dataset:
    return tf.data.TFRecordDataset([str(file) for file in files]).map(row).batch(32)


def row(record: tf.Tensor) -> tuple:
    fields = tf.io.parse_single_example(record, FEATURES)
    # Return (x, y):
    #   x: {x}
    #   y: {y}, as the loss takes it
    # Images are decoded with tf.io.decode_image(fields["..."], channels=3, expand_animations=False), raw bytes with
    # tf.io.decode_raw(fields["..."], tf.uint8); tf.reshape gives them their shape.
    raise NotImplementedError("complete row()")
"""
)
