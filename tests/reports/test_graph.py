"""The rails of the layer map: chains, branches, towers, several outputs, unknown graphs."""

from itertools import pairwise

import pytest

from diagnose.describing.layers import branch_by_branch
from diagnose.diagnosis import LayerRow
from diagnose.measurements import Layer
from diagnose.reports.graph import Rail, rails, track


def row(path: str, *inbound: str) -> LayerRow:
    measured = dict.fromkeys(
        ("spread_fresh", "spread", "gradient_fresh", "gradient", "dead", "saturated", "activation", "initializer")
    )
    return LayerRow(
        path, "Dense", output_shape=None, parameters=0, trainable=True, flags=(), inbound=inbound, **measured
    )


def consistent(laid: list[Rail]) -> None:
    """The lanes below a row are those above the next row, and every line has a start."""
    for before, after in pairwise(laid):
        assert before.below == after.above
    for rail in laid:
        assert rail.into <= rail.above
        assert rail.through <= rail.above
        assert rail.below == rail.through | ({rail.lane} & rail.below)
        assert rail.lane not in rail.through


def test_a_chain_stays_in_one_lane() -> None:
    laid = rails([row("a"), row("b", "a"), row("c", "b")])
    consistent(laid)
    assert [rail.lane for rail in laid] == [0, 0, 0]
    assert laid[0].above == laid[2].below == frozenset()


def test_a_shortcut_passes_beside_the_block_and_both_join() -> None:
    laid = rails([row("a"), row("b", "a"), row("c", "b"), row("add", "a", "c"), row("d", "add")])
    consistent(laid)
    assert laid[1].lane == laid[2].lane == 1
    assert laid[2].through == {0}
    assert laid[3].into == {0, 1}
    assert laid[4].above == {laid[3].lane}


def test_two_towers_join_and_two_outputs_separate() -> None:
    rows = [row("i"), row("t", "i"), row("j"), row("u", "j"), row("join", "t", "u"), row("x", "join"), row("y", "join")]
    laid = rails(rows)
    consistent(laid)
    assert laid[4].into == {0, 1}
    assert laid[-1].below == frozenset()
    assert track(rows, laid).lanes == 2


def test_dense_connections_never_lose_an_edge() -> None:
    rows = [row(f"n{n}", *(f"n{m}" for m in range(n))) for n in range(7)]
    laid = rails(rows)
    consistent(laid)
    assert [len(rail.into) for rail in laid] == list(range(7))


def test_without_a_known_graph_all_rows_share_one_lane_and_the_track_is_unknown() -> None:
    rows = [row("a"), row("b"), row("c")]
    laid = rails(rows)
    consistent(laid)
    assert not track(rows, laid).known
    assert rails([row("only")]) == [Rail(0, frozenset(), frozenset(), frozenset(), frozenset())]


@pytest.mark.parametrize("branches", [2, 3])
def test_one_branch_is_followed_to_its_end_before_the_next(branches: int) -> None:
    """Keras lists layers by depth, which mixes the branches."""
    layers = [Layer("in", "InputLayer")]
    for depth in range(3):
        for branch in range(branches):
            before = f"{branch}-{depth - 1}" if depth else "in"
            layers.append(Layer(f"{branch}-{depth}", "Dense", inbound=(before,)))
    layers.append(Layer("join", "Add", inbound=tuple(f"{branch}-2" for branch in range(branches))))
    order = [layer.path for layer in branch_by_branch(layers)]
    assert order == ["in", *(f"{branch}-{depth}" for branch in range(branches) for depth in range(3)), "join"]


def test_layers_in_a_cycle_keep_their_order() -> None:
    layers = [Layer("a", "Dense", inbound=("b",)), Layer("b", "Dense", inbound=("a",))]
    assert branch_by_branch(layers) == tuple(layers)
