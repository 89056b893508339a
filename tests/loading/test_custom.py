"""Python files that an option named, and the modules beside them."""

import sys
from pathlib import Path

import pytest

from diagnose.errors import InputError
from diagnose.loading.custom import custom_objects


def test_a_file_imports_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_own.py").write_text("def swish(x):\n    return x\n")
    (tmp_path / "own.py").write_text("from neighbour_of_own import swish\n")
    before = list(sys.path)
    assert custom_objects(tmp_path / "own.py")["swish"](3) == 3
    assert sys.path == before


def test_a_neighbour_takes_no_other_modules_place(tmp_path: Path) -> None:
    for name in ("keras", "wave"):  # installed and imported; of the standard library and not yet imported
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the neighbour')\n")
    (tmp_path / "own.py").write_text("import keras, wave\nclass Own(keras.layers.Layer):\n    pass\n")
    assert "Own" in custom_objects(tmp_path / "own.py")


def test_the_path_is_as_before_where_the_file_fails_or_adds_to_it(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("import sys\nsys.path.append('/from/the/file')\n1 / 0\n")
    before = list(sys.path)
    with pytest.raises(InputError, match="ZeroDivisionError"):
        custom_objects(tmp_path / "own.py")
    assert sys.path == [*before, "/from/the/file"]
    sys.path.remove("/from/the/file")
