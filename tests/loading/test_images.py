"""Image folders: which folders mean what, how a file becomes numbers, and how much of a large folder is read."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from diagnose.errors import InputError
from diagnose.loading import LoadOptions, load
from diagnose.loading.data.images import Layout, decode, resize, resize_nearest
from diagnose.loading.data.layouts import classes_of, splits_of
from diagnose.loading.data.listing import choose, list_images
from diagnose.loading.data.parts import Part
from diagnose.loading.data.reading import read_data
from diagnose.loading.signatures import Port, Signature

PICTURE = Signature((Port("image", (8, 8, 3)),), (Port("label", (2,)),))
GENERATOR = np.random.default_rng(0)
NOISE = GENERATOR.integers(0, 256, (37, 53, 3), dtype=np.uint8)
SMOOTH = np.asarray(Image.fromarray(GENERATOR.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((53, 37)))


def put(folder: Path, *names: str, level: int = 7) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (level, level, level)).save(path)


def read(folder: Path, signature: Signature = PICTURE, **options: Any) -> dict[str, Part]:
    return read_data(folder, signature, LoadOptions(**options))


def message(folder: Path, signature: Signature = PICTURE, **options: Any) -> str:
    with pytest.raises(InputError) as error:
        read(folder, signature, **options)
    return str(error.value).replace(f"{folder}", "data")


# --- which folder means what ---------------------------------------------------------------------

LAYOUTS: dict[str, tuple[list[str], dict[str, list[str]]]] = {
    "no split": (["cats/1", "dogs/1"], {"": ["cats", "dogs"]}),
    "outside": (["Train/cats/1", "Train/dogs/1", "valid/cats/1"], {"train": ["cats", "dogs"], "dev": ["cats"]}),
    "inside": (["cats/training/1", "dogs/training/1", "dogs/dev/1"], {"train": ["cats", "dogs"], "dev": ["dogs"]}),
    "a suffix": (["cats_train/1", "dogs-train/1", "dogs test/1"], {"train": ["cats", "dogs"], "test": ["dogs"]}),
    "a prefix of the split": (["seg_train/seg_train/a/1", "seg_test/seg_test/a/1"], {"train": ["a"], "test": ["a"]}),
    "an outer folder": (["archive/dataset/train/a/1", "archive/dataset/train/b/1"], {"train": ["a", "b"]}),
    "splits beside others": (["train/a/1", "train/b/1", "raw/1"], {"train": ["a", "b"]}),
    "classes called like splits": (["car/1", "train/1"], {"": ["car", "train"]}),
    "classes with such words": (["test_tube/1", "train_car/1"], {"": ["test_tube", "train_car"]}),
    "fit and unfit": (["fit/1", "unfit/1"], {"": ["fit", "unfit"]}),
    "what lies below a class": (["a/x/1", "a/y/1", "b/1"], {"": ["a", "b"]}),
    "only images": (["images/1", "images/2"], {"": []}),
    "splits without classes": (["train/1", "test/1"], {"train": [], "test": []}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout(layout: str, tmp_path: Path) -> None:
    names, expected = LAYOUTS[layout]
    put(tmp_path, *(f"{name}.png" for name in names))
    splits, _ = splits_of(list_images(tmp_path).images)
    assert {split: list(classes_of(folders).classes) for split, folders in splits.items()} == expected


def test_classes_are_numbered_as_keras_numbers_them(tmp_path: Path) -> None:
    put(tmp_path, "b/1.png", "A/1.png", "a/1.png", "10/1.png", "9/1.png")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    seen = keras.utils.image_dataset_from_directory(tmp_path, image_size=(8, 8), shuffle=False, verbose=False)
    part = read(tmp_path, Signature(PICTURE.inputs, (Port("label", (5,)),)))[""]
    assert list(part.class_names) == seen.class_names
    assert part.targets[""].tolist() == [0, 1, 2, 3, 4]


def test_an_empty_class_folder_counts_where_the_model_has_a_unit_for_it(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "c/1.png")
    (tmp_path / "b").mkdir()
    three = Signature(PICTURE.inputs, (Port("label", (3,)),))
    assert read(tmp_path, three)[""].targets[""].tolist() == [0, 2]
    assert read(tmp_path)[""].targets[""].tolist() == [0, 1]


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "train/b/1.png", "train/cover.png", "raw/1.png")
    notes = read(tmp_path)["train"].notes
    assert any(note.endswith("1 images outside the class folders were left out") for note in notes)
    assert any(note.endswith("raw was not used: its name is not that of a split") for note in notes)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    put(elsewhere, "1.png", "2.png")
    put(data, "dogs/1.png")
    (data / "cats").symlink_to(elsewhere)
    (data / "dogs" / "up").symlink_to(data)
    (elsewhere / "again").symlink_to(data / "cats")
    assert read(data)[""].targets[""].tolist() == [0, 0, 1]


def test_a_folder_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(InputError, match=r"cannot be opened \(Permission denied\): allow reading it"):
        list_images(tmp_path)


# --- from a file to numbers ----------------------------------------------------------------------


def animation(path: Path) -> None:
    first, second = Image.fromarray(SMOOTH).convert("P"), Image.fromarray(NOISE).convert("P")
    first.save(path, save_all=True, append_images=[second])


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = 6  # to be turned by 90 degrees
    Image.fromarray(SMOOTH).save(path, exif=exif, quality=95)


FILES: dict[str, Callable[[Path], Any]] = {
    "rgb.png": lambda path: Image.fromarray(NOISE).save(path),
    "grey.png": lambda path: Image.fromarray(NOISE[..., 0]).save(path),
    "palette.png": lambda path: Image.fromarray(SMOOTH).convert("P").save(path),
    "alpha.png": lambda path: Image.fromarray(np.dstack([NOISE, NOISE[..., :1]])).save(path),
    "grey and alpha.png": lambda path: Image.fromarray(NOISE[..., :2]).save(path),
    "one bit.png": lambda path: Image.fromarray(NOISE[..., 0]).convert("1").save(path),
    "16 bits.png": lambda path: Image.fromarray(NOISE[..., 0].astype("uint16") * 257).save(path),
    "bitmap.bmp": lambda path: Image.fromarray(NOISE).save(path),
    "first frame.gif": animation,
    "photo.jpg": lambda path: Image.fromarray(SMOOTH).save(path, quality=95),
    "not turned.jpg": turned,
    "cmyk.jpg": lambda path: Image.fromarray(SMOOTH).convert("CMYK").save(path, quality=95),
}


@pytest.mark.parametrize("size", [(37, 53), (16, 20), (80, 90)])
@pytest.mark.parametrize("file", FILES)
def test_a_file_is_read_as_keras_reads_it(file: str, size: tuple[int, int], tmp_path: Path) -> None:
    FILES[file](tmp_path / file)
    (kept,) = keras.utils.image_dataset_from_directory(tmp_path, labels=None, image_size=size, verbose=False)
    read = decode(tmp_path, [file], Layout(*size, 3, (*size, 3)))
    if file.endswith(".jpg"):  # decoders of JPEG differ by some levels
        assert np.abs(read.rows - kept.numpy()).mean() < 3
    else:
        np.testing.assert_allclose(read.rows, kept.numpy(), atol=1e-3)


def test_resizing_is_that_of_tensorflow() -> None:
    import tensorflow as tf

    for height, width in ((5, 7), (37, 53), (100, 60)):
        for method, ours in (("bilinear", resize(NOISE, height, width)), ("nearest", nearest(NOISE, height, width))):
            theirs = tf.image.resize(NOISE, (height, width), method=method).numpy()
            np.testing.assert_allclose(ours, theirs, atol=1e-3)


def nearest(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.stack([resize_nearest(pixels[..., channel], height, width) for channel in range(3)], axis=-1)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 8, 3), (8, 8, 3)),
        ((8, 8, 1), (8, 8, 1)),
        ((8, 8, 4), (8, 8, 4)),
        ((8, 8), (8, 8)),
        ((64,), (64,)),
        ((192,), (192,)),
        ((3, 8, 6), (3, 8, 6)),
        ((None, None, 3), (37, 53, 3)),
        ((None, None, None), (37, 53, 3)),
    ],
)
def test_what_the_input_takes(shape: Any, expected: tuple[int, ...], tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(NOISE).save(tmp_path / name / "1.png")
    part = read(tmp_path, Signature((Port("image", shape),), PICTURE.outputs))[""]
    assert part.inputs[""].shape == (2, *expected)
    assert part.inputs[""].dtype == np.float32


def test_channels_first_are_moved_not_reshaped(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(NOISE).save(tmp_path / name / "1.png")
    part = read(tmp_path, Signature((Port("image", (3, 37, 53)),), PICTURE.outputs))[""]
    np.testing.assert_array_equal(part.inputs[""][0], np.moveaxis(NOISE, -1, 0))


def test_changed_images_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    Image.new("L", (8, 8)).save(tmp_path / "b" / "2.png")
    assert read(tmp_path)[""].notes == (
        f"{tmp_path}: 1 of 3 images were resized or converted to the model's 8 x 8 x 3 "
        "(bilinear without antialiasing, as image_dataset_from_directory does by default)",
    )


def test_a_few_files_that_are_not_images_are_left_out_and_named(tmp_path: Path) -> None:
    put(tmp_path, *(f"{name}/{index}.png" for name in "ab" for index in range(5)))
    (tmp_path / "a" / "2.png").write_bytes(b"no image")
    (tmp_path / "b" / "x.jpg").write_bytes((tmp_path / "b" / "1.png").read_bytes()[:40])
    part = read(tmp_path)[""]
    assert part.targets[""].tolist() == [0] * 4 + [1] * 5
    assert part.inputs[""].shape[0] == 9
    assert part.notes[0].endswith("2 of 11 files cannot be read as images and were left out: a/2.png, b/x.jpg")


def test_no_format_that_runs_programs_is_opened(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "a/2.png", "b/1.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "b" / "2.eps")
    (tmp_path / "b" / "2.eps").rename(tmp_path / "b" / "2.png")
    assert "1 of 4 files cannot be read as images and were left out: b/2.png" in read(tmp_path)[""].notes[0]


# --- labels in a table ---------------------------------------------------------------------------

VALUE = Signature(PICTURE.inputs, (Port("age", (1,)),))


def labelled(folder: Path, *lines: str, name: str = "labels.csv") -> None:
    put(folder, "images/a.png", "images/b.png", "images/c.png")
    (folder / name).write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "lines",
    [
        ("file,age", "a.png,1.5", "b.png,2", "c.png,3"),
        ("age;file", "1.5;a", "2;b", "3;c"),
        ("file,age", "/content/images/a.png,1.5", "images\\b.png,2", "./images/c.png,3"),
        ("a.png,1.5", "b.png,2", "c.png,3"),
        ("file,age,width", "a.png,1.5,8", "b.png,2,8", "c.png,3,8"),
    ],
    ids=["names", "stems", "paths", "no header", "a target by the user"],
)
def test_values_in_a_table(lines: tuple[str, ...], tmp_path: Path) -> None:
    labelled(tmp_path, *lines)
    part = read(tmp_path, VALUE, target="age" if "width" in lines[0] else None)[""]
    assert part.targets[""].tolist() == [1.5, 2, 3]


def test_words_in_a_table_are_classes(tmp_path: Path, make_model: Callable[..., Any]) -> None:
    labelled(tmp_path / "data", "id,breed,label", "c.png,pug,dog", "a.png,manx,cat", "b.png,lab,dog")
    make_model((8, 8, 3), units=2, activation="softmax", loss="categorical_crossentropy").save(tmp_path / "m.keras")
    subject = load(tmp_path / "m.keras", tmp_path / "data", LoadOptions())
    assert subject.outputs[0].class_names == ("cat", "dog")
    assert subject.train.targets[0].argmax(axis=1).tolist() == [1, 0, 1]
    assert subject.train.converted == ()


def test_several_columns_are_one_target(tmp_path: Path) -> None:
    labelled(tmp_path, "file,x,y", "a.png,1,2", "b.png,3,4")
    part = read(tmp_path, Signature(VALUE.inputs, (Port("point", (2,)),)), target="x,y")[""]
    assert part.targets[""].tolist() == [[1, 2], [3, 4]]
    assert part.notes[0].endswith("labels.csv: the column file names the images, the targets are x, y")


def test_rows_of_a_table_without_an_image_are_left_out(tmp_path: Path) -> None:
    labelled(tmp_path, "file,age", "a.png,1", "b.png,2", "none.png,3")
    part = read(tmp_path, VALUE)[""]
    assert part.targets[""].tolist() == [1, 2]
    assert any(note.endswith("1 of 3 rows do not name an image and were left out") for note in part.notes)


def test_class_folders_win_over_a_table_unless_its_column_is_named(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "meta.csv").write_text("file,age\n1.png,30\n2.png,40\n")
    assert read(tmp_path)[""].class_names == ("a", "b")
    assert read(tmp_path, VALUE, target="age")[""].targets[""].tolist() == [30, 40]


def test_it_is_unclear_which_column_is_the_target(tmp_path: Path) -> None:
    labelled(tmp_path, "file,age,height", "a.png,1,2", "b.png,3,4")
    assert message(tmp_path, VALUE) == (
        "data/labels.csv: the target column of the images is unclear: pass --target with one of age, height"
    )


def test_it_is_unclear_which_table_is_meant(tmp_path: Path) -> None:
    labelled(tmp_path, "file,age", "a.png,1", name="new.csv")
    labelled(tmp_path, "file,age", "a.png,1", name="old.csv")
    assert message(tmp_path, VALUE) == (
        "data: new.csv and old.csv all name the images: keep one of them, or call them train.csv, dev.csv and test.csv"
    )


# --- a sample of a large folder ------------------------------------------------------------------


def test_a_sample_has_some_of_every_class() -> None:
    chosen = choose([1000, 10, 1, 0], 50, seed=3)
    assert [len(indices) for indices in chosen][1:] == [1, 1, 0]
    assert sum(len(indices) for indices in chosen) in range(45, 51)
    assert all(np.all(np.diff(indices) > 0) for indices in chosen)
    assert chosen[0].tolist() == choose([1000, 10, 1, 0], 50, seed=3)[0].tolist()
    assert chosen[0].tolist() != choose([1000, 10, 1, 0], 50, seed=4)[0].tolist()
    assert [len(indices) for indices in choose([3, 2], 5, seed=0)] == [3, 2]


def test_only_the_sample_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a/0.png", "b/0.png")
    for index in range(1, 100):
        for name in "ab":
            (tmp_path / name / f"{index}.png").hardlink_to(tmp_path / name / "0.png")
    opened: list[Any] = []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda path, **options: opened.append(path) or real(path, **options))
    part = read(tmp_path, rows=20)[""]
    assert len(opened) == part.inputs[""].shape[0] == 20
    assert np.bincount(part.targets[""]).tolist() == [10, 10]
    assert part.notes[0].endswith("20 of 200 images were read, a seeded sample of every class")


def test_decoded_images_have_a_bound_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, *(f"{name}/{index}.png" for name in "ab" for index in range(10)))
    monkeypatch.setattr("diagnose.loading.data.image_folders.BYTES", 6 * 8 * 8 * 3 * 4)
    assert read(tmp_path, rows=None)[""].inputs[""].shape[0] == 6


# --- what cannot be used -------------------------------------------------------------------------


def test_most_files_are_not_images(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    for name in ("a/2.png", "a/3.png"):
        (tmp_path / name).write_bytes(b"")
    assert message(tmp_path) == (
        "data: 2 of 4 files cannot be read as images, the first is a/2.png: remove them or save them again"
    )


def test_no_file_tells_the_size(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    for name in "ab":
        (tmp_path / name / "1.png").write_bytes(b"?")
    anything = Signature((Port("image", (None, None, 3)),), PICTURE.outputs)
    assert message(tmp_path, anything) == "data: none of its 2 files can be read as an image: save them again"


def test_a_class_that_train_does_not_have(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "train/b/1.png", "val/c/1.png", "val/a/1.png")
    dev = read(tmp_path)["dev"]
    assert dev.unknown_classes == (("c", 1),)
    assert len(dev.targets[""]) == 1
    assert dev.notes[-1].endswith("(dev): rows of classes that train lacks were set aside: c (1)")


def test_only_classes_that_train_does_not_have(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "train/b/1.png", "val/c/1.png", "val/d/1.png")
    assert message(tmp_path) == (
        "data (dev): none of the class folders c, d is among the training classes a, b: rename them"
    )


def test_a_split_without_class_folders(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "train/b/1.png", "test/1.png")
    assert message(tmp_path) == (
        "data (test): its images are not in class folders, but those of the training set are: sort them"
    )


def test_more_classes_than_units(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png", "c/1.png")
    assert message(tmp_path) == (
        'data has 3 class folders (a, b, c), but the output "label" gives 2 units: '
        "pass the folder that the model was trained on"
    )


def test_images_without_classes(tmp_path: Path) -> None:
    put(tmp_path, "cat.1.png", "dog.1.png")
    assert message(tmp_path).startswith(
        "data holds images without classes (file names are not read as classes): put them into one folder per class, "
        "or add labels.csv with a column of file names and one of labels; or read it with a function of yours"
    )


def test_several_inputs(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    two = Signature((Port("left", (8, 8, 3)), Port("right", (8, 8, 3))), PICTURE.outputs)
    assert message(tmp_path, two).startswith(
        "data holds images for one input and one output, but the model has left, right and label: "
        "pass arrays by these names; or read it"
    )


def test_an_input_that_takes_no_images(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    table = Signature((Port("features", (5,)),), PICTURE.outputs)
    assert message(tmp_path, table) == ('data holds images, but the model\'s input "features" takes rows of shape (5,)')


# --- whole subjects ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "shape"),
    [
        ((1, "sigmoid", "binary_crossentropy"), (4, 1)),
        ((2, "softmax", "categorical_crossentropy"), (4, 2)),
        ((2, "softmax", "sparse_categorical_crossentropy"), (4,)),
    ],
)
def test_labels_in_the_form_of_the_loss(head: Any, shape: Any, tmp_path: Path, make_model: Callable[..., Any]) -> None:
    put(tmp_path / "data", "train/a/1.png", "train/a/2.png", "train/b/1.png", "train/b/2.png", "val/b/1.png")
    make_model((8, 8, 3), *head).save(tmp_path / "m.keras")
    subject = load(tmp_path / "m.keras", tmp_path / "data", LoadOptions())
    assert subject.train.targets[0].shape == shape
    assert subject.train.converted == ()
    assert subject.outputs[0].class_names == ("a", "b")
    assert subject.dev is not None and subject.dev.rows == 1


def test_an_autoencoder_takes_the_images_as_targets(tmp_path: Path) -> None:
    put(tmp_path / "data", "train/1.png", "train/2.png", "val/3.png")
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 3, padding="same")])
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    subject = load(tmp_path / "m.keras", tmp_path / "data", LoadOptions())
    assert subject.train.targets[0] is subject.train.inputs[0]
    assert [split.rows for split in subject.splits] == [2, 1]


def test_real_photos(shared: Path, tmp_path: Path, make_model: Callable[..., Any]) -> None:
    make_model((32, 32, 3), 1, "sigmoid", "binary_crossentropy").save(tmp_path / "m.keras")
    subject = load(tmp_path / "m.keras", shared / "data" / "car_damage_folders", LoadOptions(rows=40))
    assert [(split.name, split.rows) for split in subject.splits] == [("train", 40), ("dev", 40)]
    assert subject.outputs[0].class_names == ("00-damage", "01-whole")
    assert np.bincount(subject.train.targets[0][:, 0]).tolist() == [20, 20]
