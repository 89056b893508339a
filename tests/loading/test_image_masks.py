"""Images and their masks: which belong together, and what the values of a mask mean to the model."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from diagnose.errors import InputError
from diagnose.loading import LoadOptions, load
from diagnose.loading.data.parts import Part
from diagnose.loading.data.reading import read_data
from diagnose.loading.signatures import Port, Signature
from diagnose.subject import Task

HALF = np.repeat([[0, 1]], 8, axis=0).repeat(4, axis=1).astype("uint8")  # 8 x 8: left 0, right 1
QUARTERS = np.kron([[0, 1], [2, 3]], np.ones((4, 4), dtype="uint8")).astype("uint8")


def signature(units: int, size: int = 8) -> Signature:
    return Signature((Port("image", (8, 8, 3)),), (Port("mask", (size, size, units)),))


def pair(folder: Path, image: str, mask: str, values: np.ndarray = HALF) -> None:
    for name in (image, mask):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(folder / image)
    Image.fromarray(values).save(folder / mask)


def read(folder: Path, units: int = 1, size: int = 8, **options: Any) -> dict[str, Part]:
    return read_data(folder, signature(units, size), LoadOptions(**options))


def message(folder: Path, units: int = 1) -> str:
    with pytest.raises(InputError) as error:
        read(folder, units)
    assert "def load(data: Path)" in error.value.template  # type: ignore[attr-defined]
    return str(error.value).replace(str(folder), "data").partition("; or read it")[0]


# --- which belong together -----------------------------------------------------------------------

NAMES = {
    "same names": ("images/1.jpg", "masks/1.png"),
    "a suffix": ("images/1.jpg", "masks/1_mask.png"),
    "a prefix on both": ("imgs/img_1.png", "labels/label_1.png"),
    "digits glued to a word": ("Images/image12.png", "GT/gt12.png"),
    "a suffix in one folder": ("1.jpg", "1_mask.png"),
    "another suffix": ("scans/a-1.png", "scans/a-1 segmentation.png"),
    "other folders around": ("original/1.png", "annotations/manual/1.png"),
    "folders for each": ("a/image.png", "a/mask.png"),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_pairs(names: tuple[str, str], tmp_path: Path) -> None:
    pair(tmp_path, *names)
    part = read(tmp_path)[""]
    assert part.inputs[""].shape == (1, 8, 8, 3)
    np.testing.assert_array_equal(part.targets[""][0], HALF)


def test_each_image_has_its_own_mask(tmp_path: Path) -> None:
    for index in range(6):
        pair(tmp_path, f"images/{index}.png", f"masks/{index}_mask.png", np.full((8, 8), index, "uint8"))
        Image.new("RGB", (8, 8), (index, 0, 0)).save(tmp_path / "images" / f"{index}.png")
    part = read(tmp_path, units=6, rows=4)[""]
    assert part.targets[""].shape == (4, 8, 8)
    np.testing.assert_array_equal(part.inputs[""][..., 0], part.targets[""])
    assert part.notes == (f"{tmp_path}: 4 of 6 images were read, a seeded sample",)


def test_files_without_a_partner_are_left_out_and_named(tmp_path: Path) -> None:
    pair(tmp_path, "images/1.png", "masks/1.png")
    pair(tmp_path, "images/2.png", "masks/3.png")
    part = read(tmp_path)[""]
    assert part.inputs[""].shape[0] == 1
    assert part.notes == (
        f"{tmp_path}: 2 images or masks have no partner and were left out: images/2.png, masks/3.png",
    )


def test_an_unreadable_mask_is_left_out_with_its_image(tmp_path: Path) -> None:
    for index in range(4):
        pair(tmp_path, f"images/{index}.png", f"masks/{index}.png")
    (tmp_path / "masks" / "2.png").write_bytes(b"no image")
    part = read(tmp_path)[""]
    assert part.inputs[""].shape[0] == part.targets[""].shape[0] == 3
    assert part.notes[0].endswith("1 of 4 files cannot be read as images and were left out: masks/2.png")


def test_names_in_common_are_needed(tmp_path: Path) -> None:
    pair(tmp_path, "images/1.png", "masks/2.png")
    assert message(tmp_path) == (
        "data: no image has a mask of the same name (as images/1.png and masks/2.png): "
        "give an image and its mask one name, apart from suffix and _mask"
    )


def test_one_mask_for_each_image_is_needed(tmp_path: Path) -> None:
    pair(tmp_path, "images/1.png", "masks/1.png")
    pair(tmp_path, "images/1.png", "masks/1_mask.gif")
    assert message(tmp_path) == (
        "data: masks/1.png and masks/1_mask.gif have the same name, so their partner is unclear: keep one of them"
    )


def test_masks_are_needed(tmp_path: Path) -> None:
    pair(tmp_path, "images/1.png", "images/2.png")
    assert message(tmp_path) == (
        'data: the output "mask" is an image, but there are no masks: '
        "put them into images/ and masks/ under the same names, or call them NAME_mask.png"
    )


# --- what their values mean ----------------------------------------------------------------------

VALUES: dict[str, tuple[np.ndarray, int, np.ndarray, str]] = {
    "0 and 1": (HALF, 1, HALF, ""),
    "0 and 255": (HALF * 255, 1, HALF, "the mask values 0, 255 were read as the classes 0 to 1, in this order"),
    "0 and 7": (HALF * 7, 1, HALF, "the mask values 0, 7 were read as the classes 0 to 1, in this order"),
    "only 255": (
        HALF * 0 + 255,
        1,
        HALF * 0 + 1,
        "the mask values 0, 255 were read as the classes 0 to 1, in this order",
    ),
    "two units": (HALF * 255, 2, HALF, "the mask values 0, 255 were read as the classes 0 to 1, in this order"),
    "one bit": (HALF.astype(bool), 1, HALF, ""),
    "classes": (QUARTERS, 4, QUARTERS, ""),
    "classes of more": (QUARTERS, 7, QUARTERS, ""),
    "grey levels for classes": (
        QUARTERS * 80,
        4,
        QUARTERS,
        "the mask values 0, 80, 160, 240 were read as the classes 0 to 3, in this order",
    ),
    "16 bits": (QUARTERS.astype("uint16"), 4, QUARTERS, ""),
    "the same in three channels": (np.stack([HALF] * 3, axis=-1), 1, HALF, ""),
    "heights": (QUARTERS * 80, 1, QUARTERS * 80, "the masks have 4 grey levels up to 240 and were fed as they are"),
}


@pytest.mark.parametrize("case", VALUES.values(), ids=VALUES)
def test_values(case: tuple[np.ndarray, int, np.ndarray, str], tmp_path: Path) -> None:
    values, units, expected, note = case
    pair(tmp_path, "images/1.png", "masks/1.png", values)
    part = read(tmp_path, units)[""]
    np.testing.assert_array_equal(part.targets[""][0], expected)
    assert part.notes == ((f"{tmp_path}: {note}",) if note else ())


def test_palette_masks_are_read_by_index(tmp_path: Path) -> None:
    pair(tmp_path, "images/1.png", "masks/1.png")
    mask = Image.fromarray(QUARTERS).convert("P")
    mask.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0, 0, 0, 200] + [0] * 756)
    mask.save(tmp_path / "masks" / "1.png")
    np.testing.assert_array_equal(read(tmp_path, units=4)[""].targets[""][0], QUARTERS)


def test_blurred_masks_are_cut_in_the_middle(tmp_path: Path) -> None:
    pair(tmp_path, "images/1.png", "masks/1.jpg", np.array([[0, 3, 250, 255] * 2] * 8, dtype="uint8"))
    part = read(tmp_path)[""]
    assert set(np.unique(part.targets[""])) == {0, 1}
    assert part.notes == (
        f"{tmp_path}: the masks are JPEG files, which are lossy: values from 128 on were read as 1, lower ones as 0",
    )


def test_values_mean_the_same_in_every_split(tmp_path: Path) -> None:
    pair(tmp_path, "train/images/1.png", "train/masks/1.png", HALF * 255)
    pair(tmp_path, "val/images/1.png", "val/masks/1.png", HALF * 0)
    parts = read(tmp_path)
    assert parts["train"].targets[""].max() == 1
    assert parts["dev"].targets[""].max() == 0


def test_masks_of_another_size_are_resized_without_mixing(tmp_path: Path) -> None:
    pair(tmp_path, "images/1.png", "masks/1.png", QUARTERS.repeat(3, axis=0).repeat(3, axis=1))
    part = read(tmp_path, units=4, size=4)[""]
    np.testing.assert_array_equal(part.targets[""][0], QUARTERS[::2, ::2])
    assert part.notes == (f"{tmp_path}: 1 of 1 masks were resized to 4 x 4 by nearest neighbour",)


def test_values_that_name_no_class(tmp_path: Path) -> None:
    pair(tmp_path, "images/1.png", "masks/1.png", QUARTERS * 60)
    assert message(tmp_path, units=3) == (
        'data: the masks have 4 values (0, 60, 120, 180), but the output "mask" gives 3 classes per pixel: '
        "save integers from 0 to 2"
    )


def test_colours_that_name_no_class(tmp_path: Path) -> None:
    pair(tmp_path, "images/1.png", "masks/1.png", np.stack([HALF * 255, HALF, HALF], axis=-1))
    assert message(tmp_path, units=2) == (
        "data/masks/1.png is a mask in colours, whose classes are unknown: save integers from 0"
    )


# --- whole subjects ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "loss", "task", "shape"),
    [
        (1, "binary_crossentropy", Task.BINARY, (2, 8, 8, 1)),
        (4, "sparse_categorical_crossentropy", Task.MULTICLASS, (2, 8, 8)),
        (4, "categorical_crossentropy", Task.MULTICLASS, (2, 8, 8, 4)),
    ],
)
def test_a_segmentation_model(units: int, loss: str, task: Task, shape: Any, tmp_path: Path) -> None:
    values = QUARTERS if units == 4 else HALF * 255
    for index in range(2):
        pair(tmp_path / "data", f"images/{index}.jpg", f"masks/{index}.png", values)
    head = keras.layers.Conv2D(units, 1, activation="sigmoid" if units == 1 else "softmax")
    model = keras.Sequential([keras.Input((8, 8, 3)), head])
    model.compile("adam", loss)
    model.save(tmp_path / "m.keras")
    subject = load(tmp_path / "m.keras", tmp_path / "data", LoadOptions())
    targets = subject.train.targets[0]
    assert subject.outputs[0].task is task
    assert targets.shape == shape
    assert subject.train.converted == ()
    labels = targets.argmax(axis=-1) if loss.startswith("cat") else targets.reshape(2, 8, 8)
    np.testing.assert_array_equal(labels[0], QUARTERS if units == 4 else HALF)
