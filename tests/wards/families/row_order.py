"""Rows that lie in the order of their targets: fed like that, or shuffled."""

from dataclasses import replace

from tests.wards import models
from tests.wards import references as ref
from tests.wards.families.rows import sorted_rows
from tests.wards.recipe import Recipe, healthy, make, sick


def in_order(recipe: Recipe) -> Recipe:
    return replace(recipe, spoil=(make(sorted_rows),))


KEPT = {"fitting": make(dict, shuffle=False)}

ROW_ORDER = (
    sick("order-digits-sgd", "row-order", in_order(ref.DIGITS_SGD), {"not-shuffled"}, **KEPT),
    sick(
        "order-digits-batch-norm",
        "row-order",
        replace(in_order(ref.DIGITS_MLP), model=make(models.mlp, norm=True)),
        {"not-shuffled"},
        **KEPT,
    ),
    sick("order-fashion-sgd", "row-order", in_order(ref.FASHION_SGD), {"not-shuffled"}, **KEPT),
    healthy("order-digits-shuffled", "row-order", in_order(ref.DIGITS_SGD)),
    healthy("order-cancer-shuffled", "row-order", in_order(ref.CANCER)),
    healthy("order-waves-shuffled", "row-order", in_order(ref.WAVES_LSTM)),
    healthy("order-friedman-shuffled", "row-order", in_order(ref.FRIEDMAN)),
    healthy("order-sentences-shuffled", "row-order", in_order(ref.SENTENCES)),
)
