"""Receptive fields, against values computed by hand and from the literature."""

from dataclasses import replace
from typing import Any

import pytest

from diagnose.describing.receptive_fields import receptive_fields
from diagnose.measurements import Layer


def layer(path: str, kind: str, shape: tuple[int | None, ...], *inbound: str, **window: Any) -> Layer:
    sizes = {name: (size,) * (len(shape) - 2) if isinstance(size, int) else size for name, size in window.items()}
    return replace(Layer(path, kind, output_shape=shape, inbound=inbound), **sizes)


def conv(path: str, before: str, side: int, *, size: int = 3, stride: int = 1, dilation: int = 1) -> Layer:
    window = {"kernel_size": size, "strides": stride, "dilation": dilation}
    return layer(path, "Conv2D", (None, side, side, 8), before, **window)


def pool(path: str, before: str, side: int) -> Layer:
    return layer(path, "MaxPooling2D", (None, side, side, 8), before, kernel_size=2, strides=2)


IMAGE = layer("in", "InputLayer", (None, 224, 224, 3))


def test_three_by_three_twice_sees_five() -> None:
    fields = receptive_fields([IMAGE, conv("a", "in", 224), conv("b", "a", 224)])
    assert fields == {"in": (1, 1), "a": (3, 3), "b": (5, 5)}


def test_the_last_pooling_of_vgg_16_sees_212() -> None:
    layers, before, side = [IMAGE], "in", 224
    for block, convolutions in enumerate((2, 2, 3, 3, 3)):
        for number in range(convolutions):
            layers.append(conv(f"c{block}{number}", before, side))
            before = layers[-1].path
        side //= 2
        layers.append(pool(f"p{block}", before, side))
        before = layers[-1].path
    assert receptive_fields(layers)["p4"] == (212, 212)


def test_dilation_widens_and_strides_multiply() -> None:
    layers = [IMAGE, conv("a", "in", 112, stride=2), conv("b", "a", 112, dilation=4)]
    assert receptive_fields(layers)["b"] == (3 + 2 * 4 * 2,) * 2


def test_a_window_past_the_input_sees_all_of_it() -> None:
    small = layer("in", "InputLayer", (None, 8, 8, 1))
    assert receptive_fields([small, conv("a", "in", 8, size=9)])["a"] == (None, None)


def test_a_merge_sees_what_its_widest_branch_sees() -> None:
    layers = [
        IMAGE,
        conv("wide", "in", 224, size=5),
        conv("narrow", "in", 224, size=1),
        layer("add", "Add", (None, 224, 224, 8), "narrow", "wide"),
    ]
    assert receptive_fields(layers)["add"] == (5, 5)


@pytest.mark.parametrize("kind", ["Flatten", "GlobalAveragePooling2D"])
def test_flattening_sees_everything_and_so_does_what_follows(kind: str) -> None:
    layers = [IMAGE, conv("a", "in", 224), layer("f", kind, (None, 8), "a"), layer("d", "Dense", (None, 4), "f")]
    fields = receptive_fields(layers)
    assert fields["f"] == fields["d"] == (None, None)


def test_tokens_count_as_steps_and_recurrence_sees_all_of_them() -> None:
    layers = [
        layer("in", "InputLayer", (None, 40)),
        layer("e", "Embedding", (None, 40, 16), "in"),
        layer("c", "Conv1D", (None, 38, 16), "e", kernel_size=3, strides=1, dilation=1),
        layer("r", "Bidirectional(LSTM)", (None, 32), "c"),
    ]
    assert receptive_fields(layers) == {"e": (1,), "c": (3,), "r": (None,)}


def test_upsampling_brings_neighbours_closer() -> None:
    up = layer("up", "UpSampling2D", (None, 224, 224, 8), "p", kernel_size=2, strides=2)
    layers = [IMAGE, pool("p", "in", 112), up, conv("c", "up", 224)]
    assert receptive_fields(layers)["c"] == (2 + 2, 2 + 2)


def test_unknown_fields_are_left_out() -> None:
    layers = [
        IMAGE,
        layer("own", "MyLayer", (None, 224, 224, 8), "in"),
        conv("c", "own", 224),
        layer("table", "InputLayer", (None, 7)),
        layer("d", "Dense", (None, 3), "table"),
    ]
    assert receptive_fields(layers) == {"in": (1, 1)}
