"""Names of arrays, files and folders as people write them."""

import pytest

from diagnose.loading.data.names import is_junk, plain, read_name, split_of
from diagnose.loading.signatures import Port, Signature


@pytest.mark.parametrize(
    ("text", "split", "role", "port"),
    [
        ("x", "", "input", ""),
        ("y", "", "target", ""),
        ("x_train", "train", "input", ""),
        ("X_train", "train", "input", ""),
        ("XTrain", "train", "input", ""),
        ("xtrain", "train", "input", ""),
        ("trainX", "train", "input", ""),
        ("ytest", "test", "target", ""),
        ("Y_TEST", "test", "target", ""),
        ("train_x", "train", "input", ""),
        ("train_images", "train", "input", ""),
        ("train_labels", "train", "target", ""),
        ("X_val", "dev", "input", ""),
        ("y_valid", "dev", "target", ""),
        ("validation_data", "dev", "input", ""),
        ("x_dev", "dev", "input", ""),
        ("eval_targets", "dev", "target", ""),
        ("testing_inputs", "test", "input", ""),
        ("x_train_dev", "train_dev", "input", ""),
        ("train-dev", "train_dev", "", ""),
        ("traindev", "train_dev", "", ""),
        ("training", "train", "", ""),
        ("validation", "dev", "", ""),
        ("valid", "dev", "", ""),
        ("x_train_0", "train", "input", "0"),
        ("x_train_1", "train", "input", "1"),
        ("data", "", "input", ""),
        ("target", "", "target", ""),
        ("sample_weight", "", "weight", ""),
        ("sample_weight_train", "train", "weight", ""),
        ("scaler", "", "", "scaler"),
        ("Xtr", "train", "input", ""),
        ("ytr", "train", "target", ""),
        ("X_tr", "train", "input", ""),
        ("Xte", "test", "input", ""),
        ("teY", "test", "target", ""),
        ("train_set_x", "train", "input", "set"),
        ("image_labels", "", "target", "image"),
        ("y_data", "", "target", "data"),
        ("train_sequences", "train", "input", ""),
        ("class_weights", "", "", ""),
        ("classes", "", "target", ""),
    ],
)
def test_names_are_understood(text: str, split: str, role: str, port: str) -> None:
    name = read_name(text)
    assert (name.split, name.role, name.port) == (split, role, port)


def test_the_models_own_names_win() -> None:
    signature = Signature((Port("image", (8, 8)), Port("target_price", (1,))), (Port("class_a", (3,)),))
    assert read_name("image_train", signature) == read_name("train_image", signature)
    assert read_name("train_target_price", signature).role == "input"
    assert read_name("class_a_val", signature).port == "class_a"
    assert read_name("class_a_val", signature).role == "target"


def test_plain_names_ignore_case_and_separators() -> None:
    assert plain("My-Input 1") == plain("my_input_1") == "my_input_1"


@pytest.mark.parametrize("name", [".DS_Store", "__MACOSX", "Thumbs.db", ".gitkeep", "desktop.ini"])
def test_litter_is_junk(name: str) -> None:
    assert is_junk(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("site", ("", "site")), ("site_train", ("train", "site")), ("valPatientId", ("dev", "patient_id"))],
)
def test_the_split_and_the_rest_of_a_name(text: str, expected: tuple[str, str]) -> None:
    assert split_of(text) == expected
