"""Short trainings with one known fault, mild or gross, and healthy trainings of the same families.

Both are recipes of the wards (`recipe.py`), watched by the callback while they train. All data is from scikit-learn.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import optimizers

from tests.wards import data, models
from tests.wards.families import FAMILIES as FAMILIES_OF_COMMAND
from tests.wards.recipe import HALVES, Recipe, make
from tests.wards.references import LOGITS, adam, loss, sgd


@dataclass(frozen=True)
class LiveCase:
    """One training. `fault` is "" for a healthy one; a `contract` fault counts as sick without a harmed score.

    `seed` is for weights and row order; `shuffle` is the argument of `fit`; `reference` is the recipe without the
    fault. `answers` are the right causes.
    """

    name: str
    family: str
    recipe: Recipe
    seed: int
    fault: str = ""
    grade: str = ""
    reference: Recipe | None = None
    contract: bool = False
    shuffle: bool = True
    half: str = HALVES[0]
    answers: frozenset[str] = frozenset()
    optimistic: bool = False


DIGITS = Recipe(make(data.digits), make(models.mlp), adam(), epochs=12)
CANCER = Recipe(make(data.table, name="breast_cancer"), make(models.mlp, hidden=(32, 16)), adam(3e-3), epochs=15)
WINE = Recipe(make(data.table, name="wine"), make(models.mlp, hidden=(32,)), adam(3e-3), epochs=30, batch_size=16)
IRIS = Recipe(make(data.table, name="iris"), make(models.mlp, hidden=(16,)), adam(0.01), epochs=30, batch_size=16)
DIABETES = Recipe(make(data.table, name="diabetes"), make(models.mlp, hidden=(16,)), adam(3e-3), epochs=15)
PICTURES = Recipe(make(data.digits, layout="image"), make(models.cnn, filters=(8, 16), dense=32), adam(2e-3), epochs=8)
ROWS_LSTM = Recipe(make(data.digits, layout="rows"), make(models.rnn, units=32), adam(5e-3), epochs=10)
ROWS_TRANSFORMER = Recipe(make(data.digits, layout="rows"), make(models.transformer), adam(3e-3), epochs=12)
FAMILIES = {"mlp": DIGITS, "cnn": PICTURES, "lstm": ROWS_LSTM, "transformer": ROWS_TRANSFORMER}
RESTARTS = make(optimizers.schedules.CosineDecayRestarts, initial_learning_rate=0.005, first_decay_steps=120)
ADAMW = make(optimizers.AdamW, learning_rate=3e-3, weight_decay=0.01)
PIXELS = make(data.digits, layout="image", top=255.0)
SMOOTHED = loss(keras.losses.CategoricalCrossentropy, label_smoothing=0.1)
NORMAL_1 = make(keras.initializers.RandomNormal, stddev=1.0)
TINY = make(keras.initializers.RandomNormal, stddev=1e-3)


# Right causes of a fault, or of one grade of it.
ANSWERS: dict[str, tuple[str, ...]] = {
    "rate too high": ("learning-rate-too-high",),
    "rate too low": ("learning-rate-too-low",),
    "scale of inputs": ("inputs-not-scaled",),
    "one softmax unit": ("single-unit-softmax", "wrong-output-units"),
    "loss contract": ("output-range-mismatch", "logits-mismatch", "wrong-loss"),
    "shuffling": ("not-shuffled",),
    "dropout": ("dropout-too-high",),
    "over-regularised": ("over-regularized",),
    "stopped too late": ("high-variance", "best-weights-thrown-away"),
    "initialisation": ("bad-initialization",),
    "relu cell": ("unsuitable-activation", "bad-initialization", "learning-rate-too-high"),  # SGD at 0.5 is part of it
    "activation": ("unsuitable-activation", "learning-rate-too-low"),  # the sigmoids train with SGD at 0.01
    "depth": ("too-deep-plain", "unsuitable-activation", "vanishing-gradients"),
    "scale of targets": ("targets-not-scaled",),
}


# --- faults ------------------------------------------------------------------------------------------


def by_label(rows: data.Data) -> data.Data:
    """Training rows in the order of their labels."""
    x, y = rows.train
    order = np.argsort(y.ravel(), kind="stable")
    return replace(rows, train=(x[order], y[order]))


def shifted(rows: data.Data, by: float = 100.0) -> data.Data:
    """Inputs far from zero."""
    return rows.mapped(x=lambda x: (x + by).astype("float32"))


def penalised(model: keras.Model, strength: float = 1.0) -> None:
    """An L2 penalty on every kernel."""
    for layer in model._flatten_layers():
        if hasattr(layer, "kernel") and layer.trainable_variables:
            layer.kernel_regularizer = layer.kernel.regularizer = keras.regularizers.L2(strength)


def drowned(rows: data.Data) -> keras.Model:
    """An MLP whose dropout lets next to nothing pass."""
    return models.mlp(rows, hidden=(64, 64, 64), dropout=0.95)


def _faults(family: str, good: Recipe) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Fault, grade and changed fields of the recipe, or of the case ("contract", "shuffle", "reference")."""
    rate = float(dict(good.optimizer.settings)["learning_rate"])
    for grade, factor in (("mild", 30.0), ("middle", 100.0), ("gross", 1000.0)):
        yield "rate too high", grade, {"optimizer": adam(rate * factor)}
    for grade, factor in (("mild", 1e-2), ("gross", 1e-4)):
        yield "rate too low", grade, {"optimizer": adam(rate * factor)}
    yield "rate too high", "sgd", {"optimizer": sgd(20.0)}
    yield "rate too low", "sgd", {"optimizer": sgd(1e-5)}
    for grade, factor in (("mild", 1e3), ("gross", 1e5)):
        yield "scale of inputs", grade, {"spoil": (make(data.multiplied, factor=factor),), "optimizer": sgd(0.05)}
    yield "scale of inputs", "offset", {"spoil": (make(shifted, by=1000.0),)}
    for grade, builder in (("one softmax unit", one_softmax), ("linear head", linear_head)):
        head = {"model": make(builder, family=family), "contract": True}
        yield "loss contract", grade, head | ({"spoil": (make(even),)} if builder is one_softmax else {})
    if family != "transformer":
        yield "loss contract", "relu head", {"model": good.model.but(out="relu"), "loss": LOGITS}
    for grade, changes in (("sorted", {}), ("sorted, SGD", {"optimizer": sgd(0.1)})):
        yield "shuffling", grade, {"spoil": (make(by_label),), "shuffle": False} | changes
    yield "over-regularised", "mild", {"before": (make(penalised, strength=0.3),)}
    yield "over-regularised", "gross", {"before": (make(penalised, strength=10.0),)}
    for grade, epochs in (("mild", 60), ("gross", 120)):
        few = {"spoil": (make(data.first_rows, rows=300), _NOISE)}
        yield "stopped too late", grade, few | {"epochs": epochs, "reference": replace(good, **few, epochs=10)}
    yield from _faults_of_one(family, good)


def _faults_of_one(family: str, good: Recipe) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The same, for faults that only some families have."""
    if family in ("mlp", "cnn"):
        yield (
            "initialisation",
            "gross",
            {
                "model": good.model.but(initializer=make(keras.initializers.RandomNormal, stddev=10.0)),
                "optimizer": sgd(0.1),
            },
        )
        yield "initialisation", "all zero", {"model": good.model.but(initializer="zeros")}
        yield "initialisation", "tiny", {"model": good.model.but(initializer=TINY), "optimizer": sgd(0.01)}
        yield "activation", "sigmoid", {"model": good.model.but(activation="sigmoid"), "optimizer": sgd(0.01)}
        yield "activation", "exponential", {"model": good.model.but(activation="exponential"), "optimizer": sgd(0.1)}
    if family == "mlp":
        for grade, layers in (("mild", 12), ("gross", 25)):
            deep = good.model.but(hidden=(32,) * layers, activation="tanh" if grade == "mild" else "sigmoid")
            yield "depth", grade, {"model": deep, "optimizer": sgd(0.01)}
        yield "over-regularised", "dropout", {"model": make(drowned)}
    if family == "cnn":
        yield (
            "depth",
            "gross",
            {"model": good.model.but(filters=(8, 8, 8), activation="sigmoid"), "optimizer": sgd(0.01)},
        )
    if family == "lstm":
        yield "activation", "relu cell", {"model": make(relu_cell), "optimizer": sgd(0.5)}
    if family == "transformer":
        yield "depth", "gross", {"model": good.model.but(blocks=6), "optimizer": adam(0.1)}


_NOISE = make(data.random_targets, share=0.5, splits=("train",))


def relu_cell(rows: data.Data) -> keras.Model:
    """A recurrent layer without anything that bounds it."""
    source = models.inputs(rows)
    state = keras.layers.SimpleRNN(32, activation="relu", recurrent_initializer=keras.initializers.Identity(2.0))(
        source
    )
    return keras.Model(source, models.head(rows)(state), name="rnn")


def even(rows: data.Data) -> data.Data:
    """Even digit or odd: two classes."""
    return replace(rows.mapped(y=lambda y: (y % 2).astype("int64")), tasks=("binary",), units=(1,))


def one_softmax(rows: data.Data, family: str) -> keras.Model:
    """The model of a family with a softmax over a single unit."""
    return _built(family, replace(rows, units=(1,), tasks=("multiclass",)))


def linear_head(rows: data.Data, family: str) -> keras.Model:
    """The model of a family with scores of any size, where the loss takes probabilities."""
    return _built(family, replace(rows, tasks=("regression",)))


def _built(family: str, rows: data.Data) -> keras.Model:
    return getattr(models, {"lstm": "rnn"}.get(family, family))(rows)


def _targets() -> Iterator[LiveCase]:
    """Regression cases with badly scaled targets."""
    for grade, factor, shift in (("mild", 100.0, 1000.0), ("middle", 1e4, 0.0), ("gross", 1e6, 0.0)):
        for seed in range(4):
            fault = replace(
                DIABETES,
                spoil=(make(data.moved_targets, factor=factor, shift=shift),),
                optimizer=(adam(), sgd(0.05))[seed % 2],
            )
            answers = frozenset(ANSWERS["scale of targets"])
            yield LiveCase(
                f"targets-{grade}-{seed}", "mlp", fault, seed, "scale of targets", grade, DIABETES, answers=answers
            )


def _sick() -> Iterator[LiveCase]:
    for family, good in FAMILIES.items():
        for number, (fault, grade, changes) in enumerate(_faults(family, good)):
            contract, shuffle = changes.pop("contract", False), changes.pop("shuffle", True)
            reference = changes.pop("reference", good)
            name = f"{family}-{fault.replace(' ', '-')}-{grade.replace(' ', '-')}"
            answers = frozenset(ANSWERS.get(grade, ANSWERS[fault]))
            if (family, fault) == ("transformer", "depth"):
                answers = frozenset(ANSWERS["rate too high"])  # its rate is 30 times too high
            yield LiveCase(
                name,
                family,
                replace(good, **changes),
                number % 3,
                fault,
                grade,
                reference,
                contract,
                shuffle,
                answers=answers,
            )
    yield from _targets()


def _healthy() -> Iterator[LiveCase]:
    mlp, cnn, lstm, transformer = FAMILIES.values()
    ways: dict[str, list[tuple[str, Recipe]]] = {
        "mlp": [
            ("digits", mlp),
            ("digits-sgd", replace(mlp, optimizer=sgd(0.1))),
            ("digits-adam-0.01", replace(mlp, optimizer=adam(0.01))),
            ("digits-dropout", replace(mlp, model=mlp.model.but(hidden=(128, 64), dropout=0.5))),
            ("digits-batch-norm", replace(mlp, model=mlp.model.but(norm=True))),
            ("digits-z-scores", replace(mlp, spoil=(make(data.standard),))),
            ("digits-pixels-0-16", replace(mlp, data=make(data.digits, top=16.0))),
            ("digits-restarts", replace(mlp, optimizer=make(optimizers.Adam, learning_rate=RESTARTS))),
            ("digits-smoothing", replace(mlp, spoil=(make(data.one_hot),), loss=SMOOTHED)),
            ("digits-l2", replace(mlp, model=mlp.model.but(l2=1e-3))),
            ("digits-long", replace(mlp, epochs=40)),
            ("digits-batch-128", replace(mlp, batch_size=128, epochs=20)),
            ("cancer", CANCER),
            ("cancer-sgd", replace(CANCER, optimizer=sgd(0.05))),
            ("wine", WINE),
            ("iris", IRIS),
            ("diabetes", DIABETES),
        ],
        "cnn": [
            ("digits", cnn),
            ("digits-sgd", replace(cnn, optimizer=sgd(0.1), epochs=12)),
            ("digits-batch-norm", replace(cnn, model=cnn.model.but(norm=True, dropout=0.3))),
            ("digits-residual", replace(cnn, model=make(models.residual_cnn, blocks=2), optimizer=adam(3e-3))),
            ("digits-0-255-rescaled", replace(cnn, data=PIXELS, model=cnn.model.but(rescale=1 / 255))),
            ("digits-adam-0.01", replace(cnn, optimizer=adam(0.01))),
            ("digits-16-16", replace(cnn, model=cnn.model.but(filters=(16, 16), dropout=0.25))),
        ],
        "lstm": [
            ("digits", lstm),
            ("digits-adam-0.01", replace(lstm, optimizer=adam(0.01))),
            ("digits-gru", replace(lstm, model=lstm.model.but(cell="GRU"))),
            ("digits-rmsprop", replace(lstm, optimizer=make(optimizers.RMSprop, learning_rate=5e-3))),
            ("digits-48", replace(lstm, model=lstm.model.but(units=48))),
        ],
        "transformer": [
            ("digits", transformer),
            ("digits-2-blocks", replace(transformer, model=transformer.model.but(blocks=2))),
            ("digits-adamw", replace(transformer, optimizer=ADAMW)),
            ("digits-width-16", replace(transformer, model=transformer.model.but(width=16))),
        ],
    }  # fmt: skip
    for family, named in ways.items():
        for name, recipe in named:
            for seed in range(3 if family == "mlp" else 4 if family == "cnn" else 3):
                yield LiveCase(f"{family}-{name}-{seed}", family, recipe, seed)


def _in_halves(cases: Iterator[LiveCase]) -> tuple[LiveCase, ...]:
    return tuple(replace(case, half=HALVES[number % 2]) for number, case in enumerate(cases))


def _of_families() -> Iterator[LiveCase]:
    """The cases of the families of the command's wards that go wrong, or well, in training itself."""
    for case in (case for family in FAMILIES_OF_COMMAND for case in family):
        if case.recipe.handed or case.recipe.after:
            continue  # what went wrong there went wrong after the training
        yield LiveCase(
            f"family-{case.name}",
            case.family,
            case.recipe,
            seed=0,
            fault=min(case.answers, default=""),
            reference=case.reference,
            contract=case.hard,
            half=case.half,
            answers=case.answers,
            optimistic=case.optimistic,
        )


SICK = _in_halves(_sick())
HEALTHY = _in_halves(_healthy())
OF_FAMILIES = tuple(_of_families())
LIVE = SICK + HEALTHY + OF_FAMILIES
LIVE_BY_NAME = {case.name: case for case in LIVE}
