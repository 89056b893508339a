"""Several outputs: a fault of one head. Twins with the outputs in the other order have the same answers."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import layers

from tests.wards.data import Array, Data, random_targets
from tests.wards.models import HEADS
from tests.wards.recipe import Case, Recipe, healthy, make, sick
from tests.wards.references import adam, sgd

# --- data -----------------------------------------------------------------------------------------


def trips(kinds: bool = False, numbers: bool = False, rows: int = 2000) -> Data:
    """Trips by 12 numbers: the fare (standardised) and whether it was late; also one of three kinds, if `kinds`.

    `numbers`: the fare and how late it was, both standardised.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 12)).astype("float32")
    fare = 5 * np.tanh(x[:, 0] + 0.5 * x[:, 1] * x[:, 2]) + 2 * x[:, 3] + rng.normal(0, 0.7, rows)
    delay = x[:, 4] + x[:, 5] * x[:, 6] - 0.5 * x[:, 7] + rng.logistic(0, 0.25, rows)
    merit = np.stack([x[:, 8] + x[:, 0], x[:, 9] - x[:, 4], x[:, 10] + 0.3 * x[:, 1]], axis=1)
    kind = np.argmax(merit + rng.gumbel(size=(rows, 3)) / 4, axis=1)
    columns = [_standard(fare), _standard(delay) if numbers else (delay > 0).astype("int64")] + [kind] * kinds
    tasks = ("regression", "regression" if numbers else "binary") + ("multiclass",) * kinds
    cut = rows * 7 // 10
    train, dev = ((x[part], tuple(y[part] for y in columns)) for part in (slice(cut), slice(cut, None)))
    return Data(train, dev, tasks, (1, 1) + (3,) * kinds)


def _standard(y: Array) -> Array:
    return ((y - y.mean()) / y.std()).astype("float32")[:, None]


def other_order(data: Data) -> Data:
    """The outputs in the other order."""
    turned = data.mapped(y=lambda y: y[::-1])
    return replace(turned, tasks=data.tasks[::-1], units=data.units[::-1])


def one_target(data: Data, output: int, change: Any, **settings: Any) -> Data:
    """A change of the data applied to one output."""

    def changed(rows: Any) -> Any:
        alone = Data((rows[0], rows[1][output]), None, data.tasks[output : output + 1], (1,))
        return rows[0], (*rows[1][:output], change(alone, **settings).train[1], *rows[1][output + 1 :])

    return replace(data, train=changed(data.train), dev=changed(data.dev))


def scaled(data: Data, factor: float, shift: float = 0.0) -> Data:
    """Targets in other units."""
    return data.mapped(y=lambda y: (y * factor + shift).astype("float32"))


# --- networks -------------------------------------------------------------------------------------


def heads(data: Data, number: str = "linear", label: str = "sigmoid", width: int = 48) -> keras.Model:
    """Two shared layers and a head for each output: `number` and `label` are activations.

    The heads are made in the order of their names, so that the fresh weights do not depend on that of the outputs.
    """
    activations = HEADS | {"regression": number, "binary": label}
    source = keras.Input(data.train[0].shape[1:])
    trunk = layers.Dense(width, "relu")(layers.Dense(width, "relu")(source))
    names = [f"{task}_{data.tasks[:n].count(task)}" for n, task in enumerate(data.tasks)]
    made = {}
    for name, task, units in sorted(zip(names, data.tasks, data.units, strict=True)):
        made[name] = layers.Dense(units, activations[task], name=name)(trunk)
    return keras.Model(source, [made[name] for name in names], name="heads")


# --- cases ----------------------------------------------------------------------------------------


def loss_weights(first: float, second: float) -> dict[str, Any]:
    """Arguments of `compile`."""
    return {"loss_weights": [first, second]}


def turned(recipe: Recipe) -> Recipe:
    """The recipe with its outputs and loss weights in the other order."""
    weights = recipe.compiling and dict(recipe.compiling.settings)
    compiling = make(loss_weights, first=weights["second"], second=weights["first"]) if weights else None
    return replace(recipe, spoil=(*recipe.spoil, make(other_order)), compiling=compiling)


def in_other_order(case: Case) -> Case:
    """The twin whose outputs are in the other order."""
    reference = case.reference and turned(case.reference)
    return replace(case, name=f"{case.name}-turned", recipe=turned(case.recipe), reference=reference, quick=False)


LARGE = {"targets-not-scaled", "unbalanced-losses"}

TRIPS = Recipe(make(trips), make(heads), adam(3e-3), epochs=15)
TRIPS_SGD = replace(TRIPS, optimizer=sgd(0.05))


def faulty(name: str, reference: Recipe, answers: set[str], **fault: Any) -> Case:
    """A sick case of this family."""
    return sick(f"outputs-{name}", "several-outputs", reference, answers, **fault)


def sound(name: str, **changes: Any) -> Case:
    """A healthy case of this family."""
    return healthy(f"outputs-{name}", "several-outputs", TRIPS, **changes)


SICK = (
    # The rate is the largest at which the training does not diverge.
    faulty(
        "fare-in-large-units-sgd",
        TRIPS_SGD,
        LARGE,
        quick=True,
        optimizer=sgd(5e-4),
        spoil=(make(one_target, output=0, change=scaled, factor=30.0),),
    ),
    faulty("late-weighs-0.001", TRIPS_SGD, {"unbalanced-losses"}, compiling=make(loss_weights, first=1.0, second=1e-3)),
    faulty(
        "late-labels-shuffled",
        TRIPS,
        {"no-signal", "labels-misaligned", "label-noise", "labels-not-paired"},
        spoil=(make(one_target, output=1, change=random_targets),),
    ),
    faulty("fare-through-relu", TRIPS, {"output-range-mismatch"}, model=make(heads, number="relu")),
    faulty("adam-x100", TRIPS, {"learning-rate-too-high"}, optimizer=adam(0.3)),
    faulty(
        "fare-in-large-units-adam",
        TRIPS,
        LARGE,
        spoil=(make(one_target, output=0, change=scaled, factor=300.0, shift=900.0),),
    ),
)
FURTHER = (
    faulty("adam-3e-6", TRIPS, {"learning-rate-too-low", "undertrained"}, optimizer=adam(3e-6)),
    faulty("late-single-unit-softmax", TRIPS, {"single-unit-softmax"}, hard=True, model=make(heads, label="softmax")),
)
SOUND = (
    sound("trips"),
    sound("trips-sgd-weights", optimizer=sgd(0.05), compiling=make(loss_weights, first=0.5, second=2.0)),
)
OUTPUTS: tuple[Case, ...] = (
    *SICK,
    *(in_other_order(case) for case in SICK),
    *FURTHER,
    *SOUND,
    *(in_other_order(case) for case in SOUND),
    sound("three", data=make(trips, kinds=True)),
    sound("two-numbers", data=make(trips, numbers=True)),
)
