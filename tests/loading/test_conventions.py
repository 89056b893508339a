"""How people keep data beside a model: convention -> splits. One table; the model takes 3 numbers or 8 x 8 images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diagnose.loading import LoadOptions
from diagnose.loading.folders import read_data
from diagnose.loading.parts import in_order
from diagnose.loading.signatures import Port, Signature

X = np.arange(36, dtype="float32").reshape(12, 3)
Y = np.arange(12) % 2
TABLE = Signature((Port("features", (3,)),), (Port("label", (1,)),))
IMAGES = Signature((Port("image", (8, 8, 3)),), (Port("label", (2,)),))
TWO = Signature((Port("left", (3,)), Port("right", (3,))), (Port("label", (1,)), Port("price", (1,))))

Writer = Callable[[Path], Any]


def npz(name: str, **arrays: Any) -> Writer:
    return lambda folder: np.savez(folder / name, **arrays)


def npy(**arrays: Any) -> Writer:
    return lambda folder: [np.save(folder / f"{name}.npy", array) for name, array in arrays.items()]


def csv(name: str, rows: int = 12, header: str | None = "a,b,c,label", separator: str = ",") -> Writer:
    lines = [separator.join(map(str, [*x, y])) for x, y in zip(X[:rows], Y, strict=False)]
    return lambda folder: (folder / name).write_text("\n".join(([header] if header else []) + lines) + "\n")


def image(path: Path, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, 7 if mode == "L" else (7, 8, 9)).save(path)


def images(*splits: str, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> Writer:
    def write(folder: Path) -> None:
        for split in splits or ("",):
            for name in ("cats/1.png", "cats/2.PNG", "dogs/1.jpg"):
                image(folder / split / name, size, mode)
        (folder / ".DS_Store").write_bytes(b"junk")
        (folder / "__MACOSX").mkdir()
        image(folder / "__MACOSX" / "cats" / "._1.png")

    return write


def both(*writers: Writer) -> Writer:
    return lambda folder: [write(folder) for write in writers]


CONVENTIONS: dict[str, tuple[Writer, Signature, dict[str, int]]] = {
    "train.npz and dev.npz": (
        both(npz("train.npz", x=X, y=Y), npz("dev.npz", x=X[:5], y=Y[:5])),
        TABLE,
        {"train": 12, "dev": 5},
    ),
    "all four files": (
        both(*(npz(f"{name}.npz", x=X, y=Y) for name in ("training", "valid", "testing", "train-dev"))),
        TABLE,
        {"train": 12, "dev": 12, "test": 12, "train_dev": 12},
    ),
    "prefixes in one npz": (
        npz("all.npz", x_train=X, y_train=Y, x_val=X[:4], y_val=Y[:4], x_test=X[:2], y_test=Y[:2]),
        TABLE,
        {"train": 12, "dev": 4, "test": 2},
    ),
    "capital X": (npz("d.npz", X_train=X, Y_train=Y, X_test=X[:3], Y_test=Y[:3]), TABLE, {"train": 12, "test": 3}),
    "train_images": (npz("d.npz", train_images=X, train_labels=Y), TABLE, {"train": 12}),
    "train_x": (npz("d.npz", train_x=X, train_y=Y, dev_x=X, dev_y=Y), TABLE, {"train": 12, "dev": 12}),
    "x and y": (npz("d.npz", x=X, y=Y), TABLE, {"": 12}),
    "inputs and targets": (npz("d.npz", inputs=X, targets=Y), TABLE, {"": 12}),
    "data and target": (npz("d.npz", data=X, target=Y), TABLE, {"": 12}),
    "arr_0 and arr_1": (lambda folder: np.savez(folder / "d.npz", X, Y), TABLE, {"": 12}),
    "arr_0 to arr_3": (lambda folder: np.savez(folder / "d.npz", X, Y, X[:2], Y[:2]), TABLE, {"train": 12, "test": 2}),
    "the model's own names": (npz("d.npz", features=X, label=Y), TABLE, {"": 12}),
    "npy files": (npy(x_train=X, y_train=Y, x_dev=X[:6], y_dev=Y[:6]), TABLE, {"train": 12, "dev": 6}),
    "npy files, no split": (npy(X=X, y=Y), TABLE, {"": 12}),
    "folders of npy files": (
        lambda folder: [((folder / s).mkdir(), npy(x=X, y=Y)(folder / s)) for s in ("train", "validation")],
        TABLE,
        {"train": 12, "dev": 12},
    ),
    "two inputs by number": (npz("d.npz", x_train_0=X, x_train_1=X, y_train_0=Y, y_train_1=Y), TWO, {"train": 12}),
    "two inputs by name": (npz("d.npz", left=X, right=X, label=Y, price=Y), TWO, {"": 12}),
    "one csv": (csv("data.csv"), TABLE, {"": 12}),
    "train.csv and test.csv": (both(csv("train.csv"), csv("test.csv", 4)), TABLE, {"train": 12, "test": 4}),
    "semicolons": (csv("train.csv", header="a;b;c;label", separator=";"), TABLE, {"train": 12}),
    "tabs": (csv("train.tsv", header="a\tb\tc\tlabel", separator="\t"), TABLE, {"train": 12}),
    "images by class": (images(), IMAGES, {"": 3}),
    "images by split and class": (images("training", "validation"), IMAGES, {"train": 3, "dev": 3}),
    "images: train, val, test": (images("train", "val", "test"), IMAGES, {"train": 3, "dev": 3, "test": 3}),
    "images of another size": (images(size=(20, 10)), IMAGES, {"": 3}),
    "grey images": (images(mode="L"), IMAGES, {"": 3}),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_convention(name: str, tmp_path: Path) -> None:
    write, signature, expected = CONVENTIONS[name]
    write(tmp_path)
    parts = read_data(tmp_path, signature, LoadOptions(target="label"))
    found = {}
    for split, part in parts.items():
        inputs = in_order(part.inputs, signature.inputs, "inputs", "")
        targets = in_order(part.targets, signature.outputs, "outputs", "")
        assert {array.shape[0] for array in inputs + targets} == {inputs[0].shape[0]}
        found[split] = inputs[0].shape[0]
    assert found == expected


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
