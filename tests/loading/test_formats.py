"""The formats of data: each recognises its own samples before any other, and a new one is a file and a line."""

import gzip
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading import LoadOptions
from diagnose.loading.data.formats import FORMATS
from diagnose.loading.data.parts import Part
from diagnose.loading.data.reading import read_data
from diagnose.loading.data.sources import Format, Source, file_format
from diagnose.loading.signatures import Port, Signature
from tests.loading.conventions import pngs

TABLE = Signature((Port("x", (3,)),), (Port("y", (1,)),))
PICTURES = Signature((Port("image", (8, 8, 3)),), (Port("label", (2,)),))
Write = Callable[[Path], Path]


def text(*names: str) -> Write:
    """Short texts under these names; the source is the folder."""

    def write(folder: Path) -> Path:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("a word,1\n")
        return folder

    return write


def file(name: str, content: bytes) -> Write:
    """One file with this content, which is the source."""

    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def pictures(folder: Path) -> Path:
    pngs("cats/1", "dogs/1")(folder)
    return folder


def archive(folder: Path) -> Path:
    np.savez(folder / "train.npz", x=np.zeros((2, 3)), y=[0, 1])
    return folder


def array(folder: Path) -> Path:
    np.save(folder / "x_train.npy", np.zeros((2, 3)))
    return folder


def lines(folder: Path) -> Path:
    text("train.txt", "train_labels.txt")(folder)
    return folder / "train.txt"


def numbers(folder: Path) -> Path:
    for name in ("x_train.txt", "y_train.txt"):
        (folder / name).write_text("1 2 3\n")
    return folder


IDX = struct.pack(">4BI", 0, 0, 8, 1, 2) + b"\1\2"
SAMPLES: dict[str, tuple[Write, ...]] = {
    "images": (pictures,),
    "texts by class": (text("pos/1.txt", "neg/1.txt"), text("train/pos/1.txt", "train/neg/1.txt")),
    "one folder for each split": (text("train/a.csv", "test/a.csv"),),
    "NumPy archives": (archive, lambda folder: archive(folder) / "train.npz"),
    "NumPy arrays": (array, lambda folder: array(folder) / "x_train.npy"),
    "idx files": (
        file("train-labels-idx1-ubyte", IDX),
        file("train-labels-idx1-ubyte.gz", gzip.compress(IDX)),
        lambda folder: file("train-labels-idx1-ubyte", IDX)(folder).parent,
    ),
    "one text per line": (lines, lambda folder: lines(folder).parent),
    "tables": (
        text("train.csv"),
        numbers,
        file("train.parquet", b"PAR1"),
        file("any name", b"PAR1"),
        file("table.txt", b"1 2 3\n"),
        file("wide.csv", "a,b\n".encode("utf-16")),
    ),
    "one folder inside another": (text("download/x.bin"),),
    "TFRecords": (text("train.tfrecord-00000-of-00001"), file("a.tfrec", b"\1\0")),
    "packed files": (file("a.csv.gz", gzip.compress(b"a")), file("a.bz2", b"BZh9")),
    "Python pickles": (file("data_batch_1", pickle.dumps([1])),),
}
CASES = [(form, write) for form in FORMATS for write in SAMPLES[form.name]]


@pytest.mark.parametrize(("form", "write"), CASES, ids=[form.name for form, _ in CASES])
def test_a_sample_is_recognised_by_its_format_and_none_before(form: Format, write: Write, tmp_path: Path) -> None:
    signature = PICTURES if form.name == "images" else TABLE
    source = Source(write(tmp_path), signature, LoadOptions(), FORMATS)
    assert next(found.name for found in FORMATS if found.recognises(source)) == form.name


def test_each_format_has_its_own_name() -> None:
    assert len({form.name for form in FORMATS}) == len(FORMATS)
    assert set(SAMPLES) == {form.name for form in FORMATS}


# --- a new format --------------------------------------------------------------------------------


def read_numbers(source: Source) -> dict[str, Part]:
    """The made-up format: `ROWS`, then each row as three inputs and a target, one byte for each."""
    rows = np.frombuffer(source.path.read_bytes()[4:], np.uint8).reshape(-1, 4)
    return {"": Part({"": rows[:, :3]}, {"": rows[:, 3]}, str(source.path))}


ROWS = file_format(
    "rows of bytes",
    begins=lambda source: source.start.startswith(b"ROWS"),
    read=read_numbers,
    suffixes=(".rows",),
    example="train.rows",
)


def test_a_file_in_a_new_format_is_read(tmp_path: Path) -> None:
    path = file("anything", b"ROWS" + bytes(range(8)))(tmp_path)
    part = read_data(path, TABLE, LoadOptions(), (ROWS, *FORMATS))[""]
    assert part.inputs[""].tolist() == [[0, 1, 2], [4, 5, 6]]
    assert part.targets[""].tolist() == [3, 7]


def test_a_folder_in_a_new_format_is_read_by_split(tmp_path: Path) -> None:
    for name, rows in {"training.rows": 3, "val.rows": 2, "extra.rows": 9}.items():
        file(name, b"ROWS" + bytes(4 * rows))(tmp_path)
    parts = read_data(tmp_path, TABLE, LoadOptions(), (*FORMATS, ROWS))
    assert {split: len(part.targets[""]) for split, part in parts.items()} == {"train": 3, "dev": 2}


def test_messages_name_a_new_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pass train.npz \(with x and y\), .*, train.rows, or one folder of images"):
        read_data(file("a", b"\0")(tmp_path), TABLE, LoadOptions(), (*FORMATS, ROWS))
    with pytest.raises(InputError, match=r"a is empty: pass train.rows$"):
        read_data(file("a", b"")(tmp_path), TABLE, LoadOptions(), (ROWS,))


def test_without_its_line_a_format_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.rows is not in a data format that diagnose reads"):
        read_data(file("a.rows", b"ROWS\0")(tmp_path), TABLE, LoadOptions())
