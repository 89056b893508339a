"""How people write data beside a model: small files of every kind, and the models that they are for."""

import gzip
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from PIL import Image

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


def archive(name: str, member: str) -> Writer:
    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w") as opened:
            opened.writestr(member, "x")

    return write


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
