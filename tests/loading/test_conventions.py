"""How people keep data beside a model: convention -> outcome, in one table."""

import re
from pathlib import Path

import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading import LoadOptions
from diagnose.loading.data.parts import in_order
from diagnose.loading.data.reading import read_data
from diagnose.loading.signatures import Port, Signature
from tests.loading.conventions import (
    IMAGES,
    MASKS,
    SAME,
    TABLE,
    Convention,
    X,
    Y,
    both,
    csv,
    image,
    images,
    masked,
    masks,
    npy,
    npz,
    pictures,
    pngs,
    rows,
    text,
)
from tests.loading.conventions_arrays import ARRAYS
from tests.loading.conventions_tables import TABLES, TEXTS

CONVENTIONS: dict[str, Convention] = {
    **ARRAYS,
    **TABLES,
    **TEXTS,
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
    "numbered images with numbers as labels": Convention(
        both(pngs("0", "1", "2"), text("labels.csv", "file,label", "0.png,1", "1.png,0", "2.png,1")),
        IMAGES,
        pictures(only=3),
    ),
    "images by number and by file": Convention(
        both(pngs("0", "1", "2"), text("labels.csv", "id,file,label", "0,0.png,b", "1,1.png,a", "2,2.png,b")),
        IMAGES,
        pictures(only=3),
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
    "masks of other names": Convention(
        masked(("images/1.png", "masks/2.png")),
        MASKS,
        "no image has a mask of the same name (as images/1.png and masks/2.png)",
    ),
    # --- what needs a loader ---
    "TFRecords": Convention(text("train.tfrecord", "1"), TABLE, "holds TFRecords, which do not say what is input"),
    "unknown files": Convention(text("a.xyz", "1"), TABLE, "holds no data in a format that diagnose reads (a.xyz)"),
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
