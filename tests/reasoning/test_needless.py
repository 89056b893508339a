"""Nothing is prescribed that a model already has."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, optimizers

import diagnose
from diagnose.loading import LoadOptions, subject_from
from diagnose.measurements import Evaluation, Forward, Measurements, SplitScores, Unavailable
from diagnose.reasoning.needless import _few, needless
from diagnose.reasoning.remedies import REMEDIES
from diagnose.reasoning.snippets import values_of
from diagnose.subject import Seen, Split, Subject, without_rows
from tests.checks import builders as b

ROWS, FEATURES, CLASSES = 64, 6, 3
BY_CODE = {remedy.code: remedy for remedy in REMEDIES}


def subject(
    *stack: Any,
    optimizer: Any = None,
    head: Any = None,
    loss: Any = None,
    weights: bool = False,
    scale: float = 50.0,
    numbers: bool = False,
    batch: int | None = None,
    task: str | None = None,
) -> Subject:
    """A net of these layers with its rows; nothing in it is as remedies would have it, unless it is given."""
    head = head or layers.Dense(1 if numbers else CLASSES, None if numbers else "softmax")
    model = keras.Sequential([keras.Input((FEATURES,)), *(stack or (layers.Dense(8, "tanh"),)), head])
    model.compile(optimizer or optimizers.SGD(0.01), loss or ("mse" if numbers else "sparse_categorical_crossentropy"))
    rng = np.random.default_rng(0)
    x = (scale * rng.normal(size=(ROWS, FEATURES))).astype("float32")
    y = 40 * x[:, 0] if numbers else np.arange(ROWS) % CLASSES
    given = (x, y, np.ones(ROWS, "float32")) if weights else (x, y)
    return subject_from(model, given, options=LoadOptions(batch_size=batch, task=task))


def not_negated(y: Any, p: Any) -> Any:
    """A log likelihood without the minus."""
    return -keras.losses.sparse_categorical_crossentropy(y, p)


def relu(count: int = 1) -> list[Any]:
    return [layers.Dense(8, "relu") for _ in range(count)]


def normed(count: int = 1, momentum: float = 0.99) -> list[Any]:
    return [layer for hidden in relu(count) for layer in (hidden, layers.BatchNormalization(momentum=momentum))]


def base(trainable: bool) -> Any:
    norm = layers.BatchNormalization(trainable=trainable)
    return keras.Sequential([keras.Input((FEATURES,)), layers.Dense(8, "relu"), norm])


# By remedy: a subject that has what it advises, and one that lacks it.
CASES: dict[str, tuple[Callable[[], Subject], Callable[[], Subject]]] = {
    "default-optimizer": (lambda: subject(optimizer=optimizers.Adam(0.3)), subject),
    "normalise-layers": (lambda: subject(*normed(3)), lambda: subject(*normed(1), *relu(4))),
    "relu-instead": (lambda: subject(*relu()), subject),
    "add-activations": (lambda: subject(*relu()), lambda: subject(layers.Dense(8), *relu())),
    "add-hidden-layer": (lambda: subject(*relu()), lambda: subject(layers.Flatten())),
    "initialise": (subject, lambda: subject(layers.Dense(8, "tanh", kernel_initializer="random_normal"))),
    "shallower-or-residual": (lambda: subject(*relu(3)), lambda: subject(*relu(8))),
    "less-dropout": (
        lambda: subject(*relu(), layers.Dropout(0.1)),
        lambda: subject(*relu(), layers.Dropout(0.5)),
    ),
    "less-regularization": (subject, lambda: subject(layers.Dense(8, "relu", kernel_regularizer="l2"))),
    "unfreeze": (subject, lambda: subject(layers.Dense(8, "relu", trainable=False))),
    "lower-momentum": (lambda: subject(*normed(1, 0.8)), lambda: subject(*normed(1, 0.99))),
    "base-in-inference-mode": (lambda: subject(*normed()), lambda: subject(base(True))),
    "scale-inputs": (lambda: subject(scale=1.0), subject),
    "scale-targets": (lambda: subject(numbers=True, scale=0.02), lambda: subject(numbers=True)),
    "clip-gradients": (
        lambda: subject(optimizer=optimizers.SGD(0.1, global_clipnorm=1.0)),
        lambda: subject(optimizer=optimizers.SGD(0.1, global_clipnorm=100.0)),
    ),
    "warm-up": (
        lambda: subject(
            optimizer=optimizers.Adam(
                optimizers.schedules.CosineDecay(0.0, 90, warmup_target=0.01, warmup_steps=10),
            )
        ),
        lambda: subject(optimizer=optimizers.Adam(optimizers.schedules.CosineDecay(0.01, 100))),
    ),
    "usual-batch-size": (lambda: subject(batch=64), lambda: subject(batch=2)),
    "single-precision": (subject, lambda: subject(layers.Dense(8, "relu", dtype="float16"))),
    "mixed-precision": (subject, lambda: subject(layers.Dense(8, "relu", dtype="float16"))),
    "larger-epsilon": (
        lambda: subject(layers.Dense(8, dtype="float16"), optimizer=optimizers.Adam(0.01, epsilon=1e-2)),
        lambda: subject(layers.Dense(8, dtype="float16"), optimizer=optimizers.Adam(0.01)),
    ),
    "softmax-cross-entropy": (subject, lambda: subject(head=layers.Dense(CLASSES, "tanh"))),
    "match-logits": (subject, lambda: subject(head=layers.Dense(CLASSES))),
    "mend-own-loss": (subject, lambda: subject(task="own-loss")),
    "turn-own-loss": (subject, lambda: subject(loss=not_negated)),
    "set-output-units": (
        subject,
        lambda: subject(head=layers.Dense(1, "sigmoid"), loss="binary_crossentropy", task="multiclass"),
    ),
    "focal-loss": (lambda: subject(loss=keras.losses.CategoricalFocalCrossentropy(), numbers=False), subject),
    "weigh-classes": (lambda: subject(weights=True), subject),
}


@pytest.mark.parametrize("code", CASES)
def test_a_remedy_is_left_out_only_where_the_model_has_what_it_advises(code: str) -> None:
    having, lacking = CASES[code]
    assert code in needless(having(), {})
    assert code not in needless(lacking(), {})


def test_every_rule_on_what_is_in_place_has_a_case() -> None:
    elsewhere = {"mask-padding", "dice-loss", "drop-shared-rows"}  # below
    assert {remedy.code for remedy in REMEDIES if remedy.in_place is not None} <= set(CASES) | elsewhere


def test_settings_of_an_adam_that_are_odd_are_worth_going_back_from() -> None:
    assert "default-optimizer" not in needless(subject(optimizer=optimizers.Adam(0.01, beta_2=0.1)), {})
    assert "default-optimizer" in needless(subject(optimizer=optimizers.AdamW(0.01)), {})


@pytest.mark.parametrize("masks", [True, False])
def test_an_embedding_that_masks_its_padding(masks: bool) -> None:
    stack = [layers.Embedding(9, 4, mask_zero=masks), layers.GlobalAveragePooling1D(), layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((5,)), *stack])
    model.compile("adam", "dice" if masks else "binary_crossentropy")
    given = subject_from(
        model, (np.ones((8, 5), "int64"), np.arange(8.0)[:, None] % 2), options=LoadOptions(task="binary")
    )
    assert ({"mask-padding", "dice-loss"} <= needless(given, {})) is masks


def test_inputs_that_the_model_scales_itself_need_no_scaling() -> None:
    def seen(std: float) -> Measurements:
        first = b.first_input(0.0, std, max_abs=3 * std)
        return {Forward: Forward(b.one_pass(first=[first]), Unavailable("", ""))}

    assert "scale-inputs" in needless(subject(), seen(1.0))
    assert "scale-inputs" not in needless(subject(), seen(50.0))


@pytest.mark.parametrize(("new", "helps"), [(None, False), (0, False), (30, True)])
def test_shared_rows_are_dropped_where_there_are_some_and_others(new: int | None, helps: bool) -> None:
    none = Unavailable("", "")
    measured: Measurements = {Evaluation: Evaluation(none, SplitScores("dev", "no", 40, (), new_rows=new), none, none)}
    assert ("drop-shared-rows" not in needless(subject(), measured)) is helps
    assert "drop-shared-rows" in needless(subject(), {})


def test_only_a_few_rows_are_read_however_large_they_are() -> None:
    def few(rows: int, *shape: int) -> int:
        pixels = np.broadcast_to(np.float32(0), (rows, *shape))
        return _few(Split("train", (pixels,), (np.zeros(rows),), Seen.YES)).rows

    assert (few(50, 6), few(50_000, 6), few(50_001, 6)) == (50, 1_000, 981)
    assert few(10_000, 500, 500, 3) == 1


def test_a_model_without_rows_is_judged_by_its_layers_and_one_that_was_not_loaded_not_at_all() -> None:
    alone = needless(without_rows("net", subject(*normed(3)).model), {})
    assert "normalise-layers" in alone
    assert not {"scale-inputs", "scale-targets", "weigh-classes"} & alone
    assert needless(without_rows("net"), {}) == frozenset()


@pytest.mark.parametrize(
    ("own", "lower", "higher"), [(1e-4, "1e-5", "0.01"), (1.0, "0.01", "10.0"), (0.01, "0.001", "0.1")]
)
def test_a_rate_is_lowered_below_the_own_one_and_raised_above_it(own: float, lower: str, higher: str) -> None:
    values = values_of(subject(optimizer=optimizers.SGD(own)), {})
    assert f"to {lower} and" in values.fill(BY_CODE["lower-learning-rate"].action)
    assert f"to {higher} and" in values.fill(BY_CODE["raise-learning-rate"].action)
    assert f"learning_rate={lower})" in values.fill(BY_CODE["lower-learning-rate"].snippet)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_diagnosis_does_not_send_back_to_where_the_model_is(optimizer: str) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((FEATURES,)), *normed(2), layers.Dense(CLASSES, "softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, FEATURES)).astype("float32"), rng.integers(0, CLASSES, 300)
    model.fit(x, y, epochs=1, verbose=0)
    found = diagnose.examine(model, (x, y), effort="quick")
    assert found.state == "sick"
    assert ("default-optimizer" in {remedy.code for remedy in found.remedies}) is (optimizer == "sgd")
