"""How people keep data beside a model: convention -> outcome. One table; most models take 3 numbers or 8 x 8 images."""

import gzip
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from diagnose.errors import InputError
from diagnose.loading import LoadOptions
from diagnose.loading.folders import read_data
from diagnose.loading.parts import in_order
from diagnose.loading.signatures import Port, Signature

X = np.arange(36, dtype="float32").reshape(12, 3)
Y = np.arange(12) % 2
TABLE = Signature((Port("features", (3,)),), (Port("label", (1,)),))
IMAGES = Signature((Port("image", (8, 8, 3)),), (Port("label", (2,)),))
MASKS = Signature((Port("image", (8, 8, 3)),), (Port("mask", (8, 8, 1)),))
SAME = Signature((Port("image", (8, 8, 3)),), (Port("copy", (8, 8, 3)),))
TWO = Signature((Port("left", (3,)), Port("right", (3,))), (Port("label", (1,)), Port("price", (1,))))

CATEGORIES = Signature((Port("age", (1,)), Port("town", (1,), "string")), TABLE.outputs)
TEXT = Signature((Port("text", (1,), "string"),), TABLE.outputs)
PIXELS = Signature((Port("pixels", (4, 4)),), TABLE.outputs)
DIGITS = {"train": ((5, 4, 4), (5,)), "test": ((2, 4, 4), (2,))}

Writer = Callable[[Path], Any]


def npz(name: str, **arrays: Any) -> Writer:
    return lambda folder: np.savez(folder / name, **arrays)


def npy(**arrays: Any) -> Writer:
    return lambda folder: [np.save(folder / f"{name}.npy", array) for name, array in arrays.items()]


def csv(name: str, rows: int = 12, header: str | None = "a,b,c,label", separator: str = ",") -> Writer:
    lines = [separator.join(map(str, [*x, y])) for x, y in zip(X[:rows], Y, strict=False)]
    return lambda folder: (folder / name).write_text("\n".join(([header] if header else []) + lines) + "\n")


def written(name: str, text: str, encoding: str = "utf-8") -> Writer:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode(encoding))

    return write


def texts(*names: str) -> Writer:
    return lambda folder: [written(name, f"this is {name}")(folder) for name in names]


def parquet(name: str) -> Writer:
    def write(folder: Path) -> None:
        pytest.importorskip("pyarrow")
        frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(label=Y)
        frame.to_parquet(folder / name)

    return write


def idx(*names: str, in_folders: bool = False) -> Writer:
    """MNIST's layout: 5 training and 2 test pictures of 4 x 4 pixels, and their labels."""

    def write(folder: Path) -> None:
        for name, count in zip(names, (5, 2), strict=True):
            for path, shape in ((name, (count, 4, 4)), (name.replace("images", "labels").replace("3", "1"), (count,))):
                content = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(prod(shape))
                place = folder / path / path if in_folders else folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

    return write


def image(path: Path, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, (7, 8, 9) if mode == "RGB" else 1).save(path)


def images(*splits: str, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> Writer:
    def write(folder: Path) -> None:
        for split in splits or ("",):
            for name in ("cats/1.png", "cats/2.PNG", "dogs/1.jpg"):
                image(folder / split / name, size, mode)
        (folder / ".DS_Store").write_bytes(b"junk")
        (folder / "__MACOSX").mkdir()
        image(folder / "__MACOSX" / "cats" / "._1.png")

    return write


def pngs(*names: str) -> Writer:
    return lambda folder: [image(folder / f"{name}.png") for name in names]


def masked(*pairs: tuple[str, str]) -> Writer:
    """Images, each with its mask."""
    return lambda folder: [(image(folder / name), image(folder / mask, mode="1")) for name, mask in pairs]


def text(name: str, *lines: str) -> Writer:
    return lambda folder: (folder / name).write_text("\n".join(lines) + "\n")


def both(*writers: Writer) -> Writer:
    return lambda folder: [write(folder) for write in writers]


Expected = Mapping[str, Sequence[tuple[int, ...]]] | str


class Convention(NamedTuple):
    """Files, the model they are for, and what becomes of them.

    `expected` maps a split to the shapes of its inputs and then of its targets, first axis rows; or it is a piece of
    the error's text. `options` are what the user adds to the command.
    """

    write: Writer
    signature: Signature
    expected: Expected
    options: Mapping[str, Any] = MappingProxyType({"target": "label"})


def rows(**splits: int) -> dict[str, tuple[tuple[int, ...], ...]]:
    """So many rows of three numbers with one label each, by split; `only` where the files name none."""
    return {"" if split == "only" else split: ((n, 3), (n,)) for split, n in splits.items()}


def pictures(**splits: int) -> dict[str, tuple[tuple[int, ...], ...]]:
    """So many 8 x 8 pictures in colour with one label each, by split."""
    return {"" if split == "only" else split: ((n, 8, 8, 3), (n,)) for split, n in splits.items()}


def masks(**splits: int) -> dict[str, tuple[tuple[int, ...], ...]]:
    """So many 8 x 8 pictures in colour with a mask each, by split."""
    return {"" if split == "only" else split: ((n, 8, 8, 3), (n, 8, 8)) for split, n in splits.items()}


CONVENTIONS: dict[str, Convention] = {
    # --- arrays ---
    "train.npz and dev.npz": Convention(
        both(npz("train.npz", x=X, y=Y), npz("dev.npz", x=X[:5], y=Y[:5])), TABLE, rows(train=12, dev=5)
    ),
    "all four files": Convention(
        both(*(npz(f"{name}.npz", x=X, y=Y) for name in ("training", "valid", "testing", "train-dev"))),
        TABLE,
        rows(train=12, dev=12, test=12, train_dev=12),
    ),
    "prefixes in one npz": Convention(
        npz("all.npz", x_train=X, y_train=Y, x_val=X[:4], y_val=Y[:4], x_test=X[:2], y_test=Y[:2]),
        TABLE,
        rows(train=12, dev=4, test=2),
    ),
    "capital X": Convention(
        npz("d.npz", X_train=X, Y_train=Y, X_test=X[:3], Y_test=Y[:3]), TABLE, rows(train=12, test=3)
    ),
    "train_images": Convention(npz("d.npz", train_images=X, train_labels=Y), TABLE, rows(train=12)),
    "train_x": Convention(npz("d.npz", train_x=X, train_y=Y, dev_x=X, dev_y=Y), TABLE, rows(train=12, dev=12)),
    "x and y": Convention(npz("d.npz", x=X, y=Y), TABLE, rows(only=12)),
    "inputs and targets": Convention(npz("d.npz", inputs=X, targets=Y), TABLE, rows(only=12)),
    "data and target": Convention(npz("d.npz", data=X, target=Y), TABLE, rows(only=12)),
    "arr_0 and arr_1": Convention(lambda folder: np.savez(folder / "d.npz", X, Y), TABLE, rows(only=12)),
    "arr_0 to arr_3": Convention(
        lambda folder: np.savez(folder / "d.npz", X, Y, X[:2], Y[:2]), TABLE, rows(train=12, test=2)
    ),
    "the model's own names": Convention(npz("d.npz", features=X, label=Y), TABLE, rows(only=12)),
    "npy files": Convention(npy(x_train=X, y_train=Y, x_dev=X[:6], y_dev=Y[:6]), TABLE, rows(train=12, dev=6)),
    "npy files, no split": Convention(npy(X=X, y=Y), TABLE, rows(only=12)),
    "folders of npy files": Convention(
        lambda folder: [((folder / s).mkdir(), npy(x=X, y=Y)(folder / s)) for s in ("train", "validation")],
        TABLE,
        rows(train=12, dev=12),
    ),
    "two inputs by number": Convention(
        npz("d.npz", x_train_0=X, x_train_1=X, y_train_0=Y, y_train_1=Y),
        TWO,
        {"train": ((12, 3), (12, 3), (12,), (12,))},
    ),
    "two inputs by name": Convention(
        npz("d.npz", left=X, right=X, label=Y, price=Y), TWO, {"": ((12, 3), (12, 3), (12,), (12,))}
    ),
    "both written by other tools": Convention(
        npz("d.npz", Xtr=X, ytr=Y, Xte=X[:3], yte=Y[:3]), TABLE, rows(train=12, test=3)
    ),
    "trX and teX": Convention(npz("d.npz", trX=X, trY=Y, teX=X[:2], teY=Y[:2]), TABLE, rows(train=12, test=2)),
    "X_tr": Convention(npz("d.npz", X_tr=X, y_tr=Y, X_val=X[:4], y_val=Y[:4]), TABLE, rows(train=12, dev=4)),
    "trainX": Convention(npz("d.npz", trainX=X, trainY=Y, testX=X, testY=Y), TABLE, rows(train=12, test=12)),
    "train_data": Convention(npz("d.npz", train_data=X, train_labels=Y), TABLE, rows(train=12)),
    "data and labels": Convention(npz("d.npz", data=X, labels=Y), TABLE, rows(only=12)),
    "features and labels": Convention(npz("d.npz", features=X, labels=Y), TABLE, rows(only=12)),
    "X and Y": Convention(npz("d.npz", X=X, Y=Y), TABLE, rows(only=12)),
    "inputs and outputs": Convention(npz("d.npz", inputs=X, outputs=Y), TABLE, rows(only=12)),
    "arrays by position, as train_test_split returns them": Convention(
        lambda folder: np.savez(folder / "d.npz", X, X[:2], Y, Y[:2]), TABLE, rows(train=12, test=2)
    ),
    "a compressed npz": Convention(
        lambda folder: np.savez_compressed(folder / "d.npz", x=X, y=Y), TABLE, rows(only=12)
    ),
    "a target of another name": Convention(
        npz("d.npz", x_train=X, price_train=Y), TABLE, rows(train=12), {"target": "price"}
    ),
    "two arrays of one meaning": Convention(
        npz("d.npz", x_train=X, X_train_=X, y_train=Y),
        TABLE,
        "d.npz: x_train and X_train_ mean the same (input): leave one of them out",
    ),
    "a single value": Convention(
        npz("d.npz", x=np.float32(1), y=Y), TABLE, "d.npz: x is a single value: its first axis must be the rows"
    ),
    "other names": Convention(
        npz("d.npz", foo=X, bar=Y), TABLE, "no inputs among foo, bar: name the arrays x and y, or x_train, y_train"
    ),
    "two inputs of which one is missing": Convention(
        npz("d.npz", left=X, label=Y, price=Y), TWO, "the model has the inputs left, right, but the data has left"
    ),
    "pickled objects": Convention(
        npz("d.npz", x=X, y=np.array([None] * 12, dtype=object)),
        TABLE,
        'd.npz: its array "y" holds pickled Python objects, which are never loaded: save numbers or text of one type',
    ),
    "groups and times beside the arrays": Convention(
        npz("d.npz", x=X, y=Y, site=Y, day=Y), TABLE, rows(only=12), {"group": "site", "time": "day"}
    ),
    "idx files": Convention(idx("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"), PIXELS, DIGITS),
    "idx files with points": Convention(idx("train-images.idx3-ubyte", "t10k-images.idx3-ubyte"), PIXELS, DIGITS),
    "gzipped idx files": Convention(idx("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"), PIXELS, DIGITS),
    "idx files, each in a folder of its name": Convention(
        idx("train-images-idx3-ubyte", "t10k-images-idx3-ubyte", in_folders=True), PIXELS, DIGITS
    ),
    # --- tables ---
    "one csv": Convention(csv("data.csv"), TABLE, rows(only=12)),
    "train.csv and test.csv": Convention(both(csv("train.csv"), csv("test.csv", 4)), TABLE, rows(train=12, test=4)),
    "semicolons": Convention(csv("train.csv", header="a;b;c;label", separator=";"), TABLE, rows(train=12)),
    "tabs": Convention(csv("train.tsv", header="a\tb\tc\tlabel", separator="\t"), TABLE, rows(train=12)),
    "bars": Convention(csv("train.csv", header="a|b|c|label", separator="|"), TABLE, rows(train=12)),
    "comments above the header": Convention(
        csv("train.csv", header="# made in 2024\n# by hand\na,b,c,label"), TABLE, rows(train=12)
    ),
    "a header in a comment, as numpy.savetxt writes it": Convention(
        csv("train.csv", header="# a,b,c,label"), TABLE, rows(train=12)
    ),
    "the target in the first column": Convention(
        written("train.csv", "label,a,b,c\n0,1,2,3\n1,4,5,6\n"), TABLE, rows(train=2), {}
    ),
    "a target by the output's name": Convention(
        written("train.csv", "a,b,c,Label\n1,2,3,0\n"), TABLE, rows(train=1), {}
    ),
    "no header, the last column": Convention(csv("train.csv", header=None), TABLE, rows(train=12), {"target": "-1"}),
    "two targets for two outputs": Convention(
        written("train.csv", "left,right,label,price\n1,2,0,3\n4,5,1,6\n"),
        Signature((Port("left", (1,)), Port("right", ())), TWO.outputs),
        {"train": ((2,), (2,), (2,), (2,))},
        {"target": "label,price"},
    ),
    "two targets side by side": Convention(
        written("train.csv", "a,b,c,u,v\n1,2,3,4,5\n"), TABLE, {"train": ((1, 3), (1, 2))}, {"target": "u, v"}
    ),
    "row numbers of pandas": Convention(
        written("train.csv", ",a,b,c,label\n0,1,2,3,0\n1,4,5,6,1\n"), TABLE, rows(train=2)
    ),
    "row names of R": Convention(
        written("train.csv", '"a","b","c","label"\n"1",1,2,3,0\n"2",4,5,6,1\n'), TABLE, rows(train=2)
    ),
    "a delimiter at the end of each line": Convention(
        written("train.csv", "a,b,c,label\n1,2,3,0,\n4,5,6,1,\n"), TABLE, rows(train=2)
    ),
    "columns counted by pandas": Convention(
        written("train.csv", "0,1,2,3\n1.5,2,3,0\n4.5,5,6,1\n"), TABLE, rows(train=2), {"target": "3"}
    ),
    "utf-16": Convention(written("train.csv", "a,b,c,label\n1,2,3,0\n", "utf-16"), TABLE, rows(train=1)),
    "a byte order mark": Convention(written("train.csv", "label,a,b,c\n1,2,3,0\n", "utf-8-sig"), TABLE, rows(train=1)),
    "latin-1": Convention(
        written("train.csv", "a,b,c,größe\n1,2,3,0\n", "latin-1"), TABLE, rows(train=1), {"target": "größe"}
    ),
    "old line ends": Convention(written("train.csv", "a,b,c,label\r1,2,3,0\r4,5,6,1\r"), TABLE, rows(train=2)),
    "quotes, commas and line ends inside": Convention(
        written("train.csv", 'name,a,b,c,label\n"Ann, B.",1,2,3,0\n"Bob\nC.",4,5,6,1\n'), TABLE, rows(train=2)
    ),
    "features and targets in files of their own": Convention(
        both(
            written("x_train.csv", ",a,b,c\n0,1,2,3\n1,4,5,6\n"),
            written("y_train.csv", ",label\n0,0\n1,1\n"),
            written("x_test.csv", ",a,b,c\n0,1,2,3\n"),
            written("y_test.csv", ",label\n0,0\n"),
        ),
        TABLE,
        rows(train=2, test=1),
    ),
    "numbers in blanks, with the subjects beside them": Convention(
        both(
            written("train/X_train.txt", "  1.0 2.0 3.0\n  4.0 5.0 6.0\n"),
            written("train/y_train.txt", "5\n1\n"),
            written("train/subject_train.txt", "7\n9\n"),
        ),
        TABLE,
        rows(train=2),
        {"group": "subject"},
    ),
    "features and targets of different length": Convention(
        both(written("x.csv", "a,b,c\n1,2,3\n"), written("y.csv", "label\n0\n1\n")),
        TABLE,
        "x.csv has 1 rows and y.csv has 2: they must have one for one",
    ),
    "JSON Lines": Convention(
        written("train.jsonl", '{"a": 1, "b": 2, "c": 3, "label": "no"}\n\n{"a": 4, "b": 5, "c": 6, "label": "yes"}\n'),
        TABLE,
        rows(train=2),
    ),
    "JSON Lines with lists": Convention(
        written("train.ndjson", '{"x": [1, 2, 3], "id": 7, "y": [1]}\n{"x": [4, 5, 6], "id": 8, "y": [0]}\n'),
        TABLE,
        {"train": ((2, 3), (2, 1))},
        {},
    ),
    "Parquet": Convention(parquet("train.parquet"), TABLE, rows(train=12)),
    "inputs by column, text and numbers": Convention(
        written("train.csv", "age,town,label\n40,Rome,0\n30,,1\n"), CATEGORIES, {"train": ((2,), (2,), (2,))}
    ),
    "no header and no target": Convention(
        csv("train.csv", header=None),
        TABLE,
        "which column is the target? Pass --target with a number from 0 to 3, or -1 for the last: the file has no header",
        {},
    ),
    "no target that is called so": Convention(
        written("train.csv", "a,b,c,d\n1,2,3,0\n"),
        TABLE,
        "which column is the target? Pass --target with one of a, b, c, d",
        {},
    ),
    "a wrong target": Convention(
        csv("train.csv"), TABLE, "it has no column lable: pass --target with one of a, b, c, label", {"target": "lable"}
    ),
    "a wrong number": Convention(
        csv("train.csv", header=None), TABLE, "it has no column 4: pass --target with a number from 0", {"target": "4"}
    ),
    "a target without values": Convention(
        written("train.jsonl", '{"x": [1, 2, 3], "y": null}\n'),
        TABLE,
        "the target y has no values: check --target",
        {},
    ),
    "a wrong group": Convention(
        csv("train.csv"), TABLE, "it has no column site: pass --group with one of a, b, c, label", {"group": "site"}
    ),
    "a time that is none": Convention(
        written("train.csv", "a,b,c,when,label\n1,2,3,2024-05-01,0\n1,2,3,May,0\n"),
        TABLE,
        '--time when: "May" is neither a number nor a date: write dates as 2024-12-31',
        {"time": "when"},
    ),
    "one-hot columns would fit": Convention(
        written("train.csv", "a,b,town,label\n1,2,Rome,0\n"),
        TABLE,
        "train.csv has 2 numeric feature columns and text in town, but the model takes 3 numbers a row: "
        "one number for each of town would give exactly 3: encode them as in training",
    ),
    "too many columns": Convention(
        written("train.csv", "a,b,c,d,e,label\n1,2,3,4,5,0\n7,8,6,4,5,0\n"),
        TABLE,
        "has 5 numeric feature columns, but the model takes 3 numbers a row: leave out what the model was not fed, "
        "or check --target",
    ),
    "text for a model of categories": Convention(
        written("train.csv", "age,town,label\nold,Rome,0\n"),
        CATEGORIES,
        'the column age holds text (such as "old"), but the model\'s input "age" takes numbers (float32): encode it as',
    ),
    "an input without its column": Convention(
        written("train.csv", "age,city,label\n40,Rome,0\n"),
        CATEGORIES,
        "there are no columns for the model's inputs town among age, city: name the columns like the inputs",
    ),
    "decimal commas": Convention(
        written("train.csv", "a;b;c;label\n1,5;2;3;0\n2,5;3;4;1\n"),
        TABLE,
        'but the model takes 3 numbers a row: a has decimal commas ("1,5"): save it with points',
    ),
    "numbers but for a few cells": Convention(
        written("train.csv", "a,b,c,label\n" + "1,2,3,0\n" * 9 + "-,2,3,0\n"),
        TABLE,
        'a holds numbers but for "-" and the like: correct or empty these cells',
    ),
    "only text": Convention(
        written("train.csv", "a,label\nu,0\nv,1\n"),
        Signature((Port("x", None),), TABLE.outputs),
        "train.csv has no columns of numbers beside the target: check --target and the delimiter",
    ),
    "missing tokens": Convention(
        written("train.csv", "a,b,c,label\n1,,3,0\n"),
        Signature((Port("tokens", (3,), "int32"),), TABLE.outputs),
        "values are missing in b (1), but the model takes whole numbers (int32): fill them as in training",
    ),
    "lists of different length": Convention(
        written("train.jsonl", '{"x": [1, 2, 3], "y": 0}\n{"x": [1], "y": 1}\n'),
        TABLE,
        "the lists in x have different lengths or kinds: pad them to one length as in training",
        {},
    ),
    "two columns of lists": Convention(
        written("train.jsonl", '{"u": [1], "v": [2], "y": 0}\n'),
        TABLE,
        'which of the lists u, v is the model\'s input "features"? Keep one of them',
        {},
    ),
    "a line that is no JSON": Convention(
        written("train.jsonl", '{"a": 1}\n{"a": \n'), TABLE, "train.jsonl: line 2 is no JSON (", {}
    ),
    "a line that is no JSON object": Convention(
        written("train.jsonl", "[1, 2]\n"),
        TABLE,
        'line 1 is no JSON object: write one per line, such as {"x": 1, "y": 0}',
        {},
    ),
    "only a header": Convention(
        written("train.csv", "# nothing\n\n"), TABLE, "has no rows: pass a table with one row per example"
    ),
    "bytes instead of text": Convention(
        lambda folder: (folder / "train.csv").write_bytes(b"a,b,c,label\n1,\0,3,4\n"),
        TABLE,
        "train.csv is no text: save it as CSV in UTF-8",
    ),
    "rows of different length": Convention(
        written("train.csv", "a,b,c,label\n1,2,3,0\n1,2,3,0,5,6\n"), TABLE, "train.csv cannot be read as a table ("
    ),
    "two columns of one name in Parquet": Convention(
        written("train.jsonl", '{"a": 1, " a": 2, "y": 0}\n'),
        TABLE,
        "two of its columns are called a: rename one of them",
        {},
    ),
    "a damaged Parquet file": Convention(
        lambda folder: (folder / "train.parquet").write_bytes(b"PAR1 and no more"),
        TABLE,
        "train.parquet is a damaged Parquet file (",
    ),
    # --- text ---
    "texts by class": Convention(texts("pos/1.txt", "pos/2.txt", "neg/1.txt"), TEXT, {"": ((3,), (3,))}),
    "texts by split and class": Convention(
        texts("train/pos/1.txt", "train/neg/1.txt", "train/unsup/1.txt", "test/pos/1.txt", "test/neg/1.txt"),
        TEXT,
        {"train": ((2,), (2,)), "test": ((2,), (2,))},
    ),
    "an unpacked archive of texts": Convention(
        both(texts("reviews/pos/1.txt", "reviews/neg/1.txt"), written("README.1.0", "read me")),
        TEXT,
        {"": ((2,), (2,))},
    ),
    "one text per line, labels beside it": Convention(
        both(written("train.txt", "good film\nbad film\n"), written("train_labels.txt", "1\n0\n")),
        TEXT,
        {"train": ((2,), (2,))},
    ),
    "one text per line, labels.txt": Convention(
        both(written("reviews.txt", "good film\nbad film\n"), written("labels.txt", "pos\nneg\n")),
        TEXT,
        {"": ((2,), (2,))},
    ),
    "a column of text": Convention(
        written("train.tsv", "label\ttext\nham\tSee you, soon\nspam\tWin; now\n"), TEXT, {"train": ((2,), (2,))}
    ),
    "two columns of text": Convention(
        written("train.csv", "title,text,label\nu,v,0\n"),
        Signature((Port("words", (1,), "string"),), TABLE.outputs),
        'the model\'s input "words" takes 1 text a row, but title, text hold text: keep what the model was fed',
    ),
    "more lines than labels": Convention(
        both(written("train.txt", "good\nbad\n"), written("train_labels.txt", "1\n")),
        TEXT,
        "train.txt has 2 lines and train_labels.txt has 1: they must have one label for each",
    ),
    "a class of texts that train does not have": Convention(
        texts("train/pos/1.txt", "train/neg/1.txt", "test/pos/1.txt", "test/so/1.txt"),
        TEXT,
        "the class folder so is not among the training classes neg, pos: rename it, or leave it out",
    ),
    "texts for a model of numbers": Convention(
        texts("pos/1.txt", "neg/1.txt"),
        TABLE,
        'holds text, but the model takes numbers ("features" (3,)): turn the text into numbers as in training, with '
        "--loader FILE.py:FUNCTION",
    ),
    # --- images ---
    "images by class": Convention(images(), IMAGES, pictures(only=3)),
    "images by split and class": Convention(images("training", "validation"), IMAGES, pictures(train=3, dev=3)),
    "images: train, val, test": Convention(images("train", "val", "test"), IMAGES, pictures(train=3, dev=3, test=3)),
    "images of another size": Convention(images(size=(20, 10)), IMAGES, pictures(only=3)),
    "grey images": Convention(images(mode="L"), IMAGES, pictures(only=3)),
    "splits inside the classes": Convention(
        pngs("cats/train/1", "dogs/train/1", "cats/val/1"), IMAGES, pictures(train=2, dev=1)
    ),
    "class folders that end in their split": Convention(
        pngs("cats_train/1", "dogs_train/1", "cats_test/1", "dogs_test/2"), IMAGES, pictures(train=2, test=2)
    ),
    "splits with one word before them": Convention(
        pngs("seg_train/seg_train/cats/1", "seg_train/seg_train/dogs/1", "seg_test/seg_test/cats/1"),
        IMAGES,
        pictures(train=2, test=1),
    ),
    "classes inside outer folders": Convention(
        pngs("data/images/cats/1", "data/images/dogs/1"), IMAGES, pictures(only=2)
    ),
    "a class called train": Convention(
        pngs("plane/1", "car/1", "train/1"), IMAGES, "has 3 class folders (car, plane, train)"
    ),
    "folders below the classes": Convention(pngs("cats/a/1", "cats/b/1", "dogs/c/d/1"), IMAGES, pictures(only=3)),
    "plots beside a table": Convention(both(csv("data.csv"), pngs("plots/loss")), TABLE, rows(only=12)),
    "plots beside arrays": Convention(both(npz("d.npz", x=X, y=Y), pngs("cats/1", "dogs/1")), TABLE, rows(only=12)),
    "images with labels in a table": Convention(
        both(pngs("images/a", "images/b"), text("labels.csv", "filename,label", "a.png,0", "b.png,1")),
        IMAGES,
        pictures(only=2),
    ),
    "a table of images for each split": Convention(
        both(
            pngs("train/a", "train/b", "test/c"),
            text("train.csv", "id,label", "a,0", "b,1"),
            text("test.csv", "id,label", "c,1"),
        ),
        IMAGES,
        pictures(train=2, test=1),
    ),
    "one table for the folders of all splits": Convention(
        both(pngs("train/a", "val/b"), text("labels.csv", "path,label", "train/a.png,yes", "val/b.png,no")),
        IMAGES,
        pictures(train=1, dev=1),
    ),
    "images for an autoencoder": Convention(pngs("1", "2"), SAME, {"": ((2, 8, 8, 3),)}),
    "the class in the file name": Convention(pngs("cat.1", "dog.1"), IMAGES, "holds images without classes"),
    # --- masks ---
    "images/ and masks/": Convention(
        masked(("images/1.jpg", "masks/1.png"), ("images/2.jpg", "masks/2.png")), MASKS, masks(only=2)
    ),
    "imgs/ and labels/": Convention(masked(("imgs/1.jpg", "labels/1_label.png")), MASKS, masks(only=1)),
    "x/ and y/": Convention(masked(("x/1.png", "y/1.png")), MASKS, masks(only=1)),
    "train/ and train_masks/": Convention(masked(("train/1.jpg", "train_masks/1_mask.gif")), MASKS, masks(train=1)),
    "splits around images and masks": Convention(
        masked(("train/images/1.png", "train/masks/1.png"), ("val/images/1.png", "val/masks/1.png")),
        MASKS,
        masks(train=1, dev=1),
    ),
    "splits inside images and masks": Convention(
        masked(("images/train/1.png", "masks/train/1.png"), ("images/test/2.png", "masks/test/2.png")),
        MASKS,
        masks(train=1, test=1),
    ),
    "masks beside their images": Convention(
        masked(("a/1.jpg", "a/1_mask.png"), ("2.jpg", "2-seg.png")), MASKS, masks(only=2)
    ),
    "images without masks": Convention(pngs("images/1", "images/2"), MASKS, "is an image, but there are no masks"),
    "masks of other names": Convention(masked(("images/1.png", "masks/2.png")), MASKS, "and so on share no names"),
    # --- what needs a loader ---
    "TFRecords": Convention(text("train.tfrecord", "1"), TABLE, "holds TFRecords, which do not say what is input"),
    "unknown files": Convention(text("a.xyz", "1"), TABLE, "nothing in it is understood (a.xyz)"),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_convention(name: str, tmp_path: Path) -> None:
    case = CONVENTIONS[name]
    case.write(tmp_path)
    if isinstance(case.expected, str):
        with pytest.raises(InputError, match=re.escape(case.expected)):
            shapes(tmp_path, case)
    else:
        assert shapes(tmp_path, case) == dict(case.expected)


def shapes(folder: Path, case: Convention) -> dict[str, tuple[tuple[int, ...], ...]]:
    """The shapes of inputs and targets in the model's order, by split."""
    found = {}
    for split, part in read_data(folder, case.signature, LoadOptions(**case.options)).items():
        inputs = in_order(part.inputs, case.signature.inputs, "inputs", part.origin)
        targets = in_order(part.targets, case.signature.outputs, "outputs", part.origin) if part.targets else ()
        found[split] = tuple(array.shape for array in inputs + targets)
    return found


def test_a_file_alone_is_understood(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x_train=X, y_train=Y)
    assert set(read_data(tmp_path / "d.npz", TABLE, LoadOptions())) == {"train"}


def test_npy_files_are_memory_mapped(tmp_path: Path) -> None:
    npy(x=X, y=Y)(tmp_path)
    part = read_data(tmp_path, TABLE, LoadOptions())[""]
    assert isinstance(part.inputs[""], np.memmap)


def test_class_names_beside_the_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=Y, class_names=np.array(["no", "yes"]))
    assert read_data(tmp_path, TABLE, LoadOptions())[""].class_names == ("no", "yes")


def test_a_table_without_a_header_numbers_its_columns(tmp_path: Path) -> None:
    csv("train.csv", header=None)(tmp_path)
    part = read_data(tmp_path, TABLE, LoadOptions(target="3"))["train"]
    assert part.targets[""].tolist() == Y.tolist()
    np.testing.assert_array_equal(part.inputs[""], X)


def test_columns_in_blanks(tmp_path: Path) -> None:
    csv("housing.data", header=None, separator="   ")(tmp_path)
    part = read_data(tmp_path / "housing.data", TABLE, LoadOptions(target="3"))[""]
    assert part.inputs[""].shape == (12, 3)


def test_missing_cells_are_fed_as_nan_and_said(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,b,c,label\n1,?,3,0\n4,5,,1\n7,8,9,1\n")
    part = read_data(tmp_path, TABLE, LoadOptions(target="label"))["train"]
    assert np.isnan(part.inputs[""]).sum() == 2
    assert part.notes[0].endswith("missing values in b (1), c (1) were fed as NaN")


def test_text_columns_are_left_out_where_the_rest_fits(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("name,a,b,c,label\nann,1,2,3,0\nbob,4,5,6,1\n")
    part = read_data(tmp_path, TABLE, LoadOptions(target="label"))["train"]
    assert part.feature_names == ("a", "b", "c")
    assert part.notes[0].endswith("the columns name hold text and were left out")


def test_images_keep_their_values_and_say_what_was_changed(tmp_path: Path) -> None:
    images(size=(20, 10))(tmp_path)
    part = read_data(tmp_path, IMAGES, LoadOptions())[""]
    assert part.inputs[""].dtype == np.float32
    np.testing.assert_allclose(part.inputs[""][0], np.broadcast_to([7, 8, 9], (8, 8, 3)), atol=1)
    assert part.class_names == ("cats", "dogs")
    assert part.targets[""].tolist() == [0, 0, 1]
    assert "3 of 3 images were resized or converted to the model's 8 x 8 x 3" in part.notes[0]


def test_images_for_a_flat_grey_input(tmp_path: Path) -> None:
    images()(tmp_path)
    flat = Signature((Port("pixels", (64,)),), (Port("label", (2,)),))
    assert read_data(tmp_path, flat, LoadOptions())[""].inputs[""].shape == (3, 64)


def test_the_classes_of_train_order_those_of_dev(tmp_path: Path) -> None:
    images("train")(tmp_path)
    image(tmp_path / "val" / "dogs" / "1.png")
    assert read_data(tmp_path, IMAGES, LoadOptions())["dev"].targets[""].tolist() == [1]
