"""What tf-keras gave against what the converted model gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading.models.comparing import compare

Make = Callable[..., Any]


@pytest.fixture
def compared(tmp_path: Path, make_model: Make, rows: Make) -> Callable[..., str]:
    model = make_model()

    def run(**changes: Any) -> str:
        weights = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
        arrays = {f"weight_{i}": weight for i, weight in enumerate(weights)}
        arrays |= {"input_0": rows(8, 3), "output_0": np.array(model(rows(8, 3)))} | changes
        np.savez(tmp_path / "s.npz", **{name: value for name, value in arrays.items() if value is not None})
        return compare(Path("m"), model, tmp_path / "s.npz", [f"w{i}" for i in range(len(weights))])

    return run


def test_an_equal_model(compared: Callable[..., str], make_model: Make, rows: Make) -> None:
    said = "its 4 arrays of weights are equal"
    assert compared() == f"{said} and the outputs on 8 random rows agree with tf-keras exactly"
    close = np.array(make_model()(rows(8, 3))) * np.float32(1 + 2e-6)
    assert compared(output_0=close).startswith(f"{said} and the outputs on 8 random rows agree with tf-keras to 2e-06")
    assert compared(output_0=None) == f"{said}, but its outputs are random and were not compared"
    assert compared(input_0=None) == f"{said}, but it could not be run to compare the outputs"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"weight_2": np.ones((4, 1), "float32")},
            "m: the weights w2 changed when the model was converted: save the model",
        ),
        (
            {"output_0": np.zeros((8, 1), "float32")},
            "m: the outputs of the converted model differ from those of tf-keras",
        ),
        ({"output_0": np.full((8, 1), np.nan, "float32")}, "differ from those of tf-keras by inf of the largest"),
        (
            {"output_0": np.zeros((8, 2), "float32")},
            "m: the converted model gives outputs of the shapes [(8, 1)], but tf-keras [(8, 2)]: save the model as",
        ),
    ],
)
def test_another_model_is_refused(changes: dict[str, Any], expected: str, compared: Callable[..., str]) -> None:
    with pytest.raises(InputError) as error:
        compared(**changes)
    assert expected in str(error.value)
