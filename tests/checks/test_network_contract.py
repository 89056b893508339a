"""Head, loss and labels. Each check: sick, at the boundary, and healthy look-alikes."""

import pytest

from diagnose.checks.network.dropout_rate import dropout_rate
from diagnose.checks.network.frozen_layers import frozen_layers
from diagnose.checks.network.logits_mismatch import logits_mismatch
from diagnose.checks.network.loss_choice import loss_choice
from diagnose.checks.network.output_range import output_range
from diagnose.checks.network.output_units import output_units
from diagnose.checks.network.single_unit_softmax import single_unit_softmax
from diagnose.checks.network.softmax_on_multilabel import softmax_on_multilabel
from diagnose.findings import Severity
from diagnose.measurements import Dataset, Initial, Network
from diagnose.subject import Task
from tests.checks import builders as b

ERROR, WARNING, HINT = [Severity.ERROR], [Severity.WARNING], [Severity.HINT]
SPARSE, CATEGORICAL, BINARY = "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"
MSE = "mean_squared_error"
ZERO_ONE = b.labels({0.0: 500, 1.0: 500})
MULTI_HOT = b.one_hot(5, layout="multi-hot", many_hot=0.4)


def ending(loss: str = SPARSE, activation: str | None = "softmax", units: int = 10, **changes: object) -> Network:
    """A network with one head; `shape`, `layer` and `backend` go to their places, the rest to its output."""
    head = {name: changes.pop(name) for name in ("shape", "layer") if name in changes}
    whole = {name: changes.pop(name) for name in ("backend",) if name in changes}
    return b.network(
        heads=[b.head(b.output(loss=loss, **changes), activation=activation, units=units, **head)], **whole
    )


def regressing(activation: str | None = "linear", loss: str = MSE, units: int = 1) -> Network:
    return ending(loss, activation, units, task=Task.REGRESSION, classes=None)


def on(target: object) -> Dataset:
    return b.dataset(b.split(y=target))


# --- units -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "target", "found"),
    [
        (ending(units=10), b.labels(), []),
        (ending(units=5), b.labels(), ERROR),
        (ending(units=1), ZERO_ONE, ERROR),
        (ending(units=12), b.labels(), []),
        (ending(units=15), b.labels(), HINT),
        (ending(units=1000), b.labels(), WARNING),
        (ending(CATEGORICAL, units=10), b.one_hot(10), []),
        (ending(CATEGORICAL, units=10), b.labels(), []),  # left to label-format
        (ending(CATEGORICAL, units=8), b.one_hot(10), ERROR),
        (ending(BINARY, "sigmoid", 1), ZERO_ONE, []),
        (ending(BINARY, "sigmoid", 1), b.labels({0.0: 500, 1.0: 500}, shape=(1,)), []),
        (ending(BINARY, "softmax", 2), ZERO_ONE, ERROR),  # broadcast over both units
        (ending(BINARY, "sigmoid", 5), MULTI_HOT, []),
        (regressing(units=1), b.numbers(), []),
        (regressing(units=3), b.numbers(), ERROR),
        (regressing(units=3), b.numbers([0.0] * 3, [1.0] * 3), []),
        (regressing(units=1), b.numbers([0.0] * 3, [1.0] * 3), ERROR),
        (ending("my_loss", "linear", 7, custom_loss=True), b.numbers(), []),
        (ending(SPARSE, units=50, shape=(20, 50)), b.labels(shape=(20,)), WARNING),
        (ending(MSE, "linear", 1, shape=(20, 1), task=Task.REGRESSION), b.numbers(shape=(20,)), []),
    ],
)
def test_output_units(network: Network, target: object, found: list[Severity]) -> None:
    assert b.severities(output_units, network, on(target)) == found


def test_labels_that_start_at_one_are_left_to_label_format() -> None:
    assert b.findings(output_units, ending(units=10), on(b.labels({float(k): 100 for k in range(1, 11)}))) == ()


# --- softmax ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "units", "found"), [("softmax", 1, ERROR), ("softmax", 2, []), ("sigmoid", 1, [])]
)
def test_single_unit_softmax(activation: str, units: int, found: list[Severity]) -> None:
    assert b.severities(single_unit_softmax, ending(BINARY, activation, units)) == found


def test_a_softmax_layer_may_act_on_another_axis() -> None:
    last = b.passing("weights", "Softmax", activation="softmax")
    head = b.head(b.output(), layer="weights", units=1, shape=(30, 1))
    assert b.findings(single_unit_softmax, b.network(b.layer("dense"), last, heads=[head])) == ()


@pytest.mark.parametrize(
    ("network", "target", "found"),
    [
        (ending(CATEGORICAL, units=5), MULTI_HOT, ERROR),
        (ending(CATEGORICAL, "linear", 5, from_logits=True), MULTI_HOT, ERROR),
        (ending(BINARY, "sigmoid", 5), MULTI_HOT, []),
        (ending(CATEGORICAL, units=5), b.one_hot(5, layout="multi-hot", many_hot=0.005), []),
        (ending(CATEGORICAL, units=5), b.one_hot(5, layout="probabilities"), []),
    ],
)
def test_softmax_on_multilabel(network: Network, target: object, found: list[Severity]) -> None:
    assert b.severities(softmax_on_multilabel, network, on(target)) == found


# --- logits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "found"),
    [
        (ending(), []),
        (ending(activation="linear", from_logits=True), []),
        (ending(activation="linear"), ERROR),
        (ending(from_logits=True), WARNING),
        (ending(from_logits=True, backend="jax"), ERROR),
        (ending(BINARY, "sigmoid", 1, from_logits=True, backend="torch"), ERROR),
        (ending(MSE, "linear"), []),
        (ending("my_loss", "linear", custom_loss=True), []),
        (ending(activation=None), []),  # a custom layer: nothing is known
        (ending(BINARY, "linear", 784, task=Task.REGRESSION), []),  # not certain for targets that are not classes
    ],
)
def test_logits_mismatch(network: Network, found: list[Severity]) -> None:
    assert b.severities(logits_mismatch, network) == found


def test_outputs_that_sum_to_one_prove_a_hidden_softmax() -> None:
    hidden = b.evaluation(b.scores("train", b.score(row_sum_error=1e-6)))
    assert b.findings(logits_mismatch, ending(activation="linear"), hidden) == ()


def test_the_initial_loss_shows_a_missing_softmax() -> None:
    initial = Initial(("y",), ((21.0, 21.6, 22.0),), (2.3,), 500)
    [finding] = b.findings(logits_mismatch, ending(activation="linear"), initial)
    assert "9.39 times" in finding.message


@pytest.mark.parametrize(("own", "found"), [(0.31, HINT), (1.2, ERROR)])
def test_tensorflow_repairs_a_double_softmax_only_where_it_can(own: float, found: list[Severity]) -> None:
    measured = b.evaluation(b.scores("train", b.score(loss=0.3, own_loss=own)))
    assert b.severities(logits_mismatch, ending(from_logits=True), measured) == found


# --- range -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "target", "found"),
    [
        (regressing("linear"), b.numbers(50.0, 20.0), []),
        (regressing("sigmoid"), b.numbers(50.0, 20.0), ERROR),
        (regressing("sigmoid"), b.numbers(0.5, 0.15, low=[0.0], high=[1.0]), []),
        (regressing("relu"), b.numbers(0.0, 1.0), ERROR),
        (regressing("relu"), b.numbers(4.0, 1.0, low=[0.2]), []),  # prices are positive
        (regressing("relu"), b.numbers(2.0, 1.0, low=[-1.0]), WARNING),
        (regressing("tanh"), b.numbers(0.0, 0.5, low=[-1.0], high=[1.0]), []),
        (regressing("sigmoid"), b.numbers(0.4, 0.2, low=[0.0], high=[1.05]), []),  # a few outliers
        (regressing("softmax", units=3), b.numbers([0.0] * 3, [5.0] * 3), ERROR),
        (ending(activation="relu"), b.labels(), ERROR),
        (ending(BINARY, "tanh", 1), ZERO_ONE, ERROR),
        (ending(activation="relu", from_logits=True), b.labels(), WARNING),
        (ending(BINARY, "relu", 1, from_logits=True), ZERO_ONE, ERROR),
        (ending(BINARY, "relu", 784, task=Task.REGRESSION), b.numbers(0.2, 0.3), WARNING),
        (ending(), b.labels(), []),
        (ending("hinge", "tanh", 1), ZERO_ONE, []),
        (ending("my_loss", "relu", custom_loss=True), b.labels(), []),
    ],
)
def test_output_range(network: Network, target: object, found: list[Severity]) -> None:
    assert b.severities(output_range, network, on(target)) == found


@pytest.mark.parametrize(
    ("off", "broken", "found"),
    [(None, 0, []), (0.01, 0, []), (0.4, 0, ERROR), (0.4, 7, [])],  # without numbers there is no sum
)
def test_a_softmax_over_another_axis_than_the_classes(off: float | None, broken: int, found: list[Severity]) -> None:
    measured = b.evaluation(b.scores("train", b.score(row_sum_error=off, non_finite=broken)))
    assert b.severities(output_range, ending(), on(b.labels()), measured) == found
    assert b.severities(output_range, ending(activation="linear"), on(b.labels()), measured) == []


def test_a_constant_target_out_of_reach_is_reported() -> None:
    assert b.severities(output_range, regressing("sigmoid"), on(b.numbers(5.0, 0.0))) == ERROR


# --- loss ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "target", "found"),
    [
        (ending(), b.labels(), []),
        (ending(CATEGORICAL), b.one_hot(), []),
        (ending(BINARY, "sigmoid", 1, task=Task.BINARY), ZERO_ONE, []),
        (ending(BINARY, "sigmoid", 5, task=Task.MULTILABEL), MULTI_HOT, []),
        (ending(BINARY, "softmax", 2), b.one_hot(2), []),  # two classes: the same as categorical
        (regressing(), b.numbers(), []),
        (ending(MSE), b.one_hot(), WARNING),
        (ending("mean_absolute_error", "sigmoid", 1, task=Task.BINARY), ZERO_ONE, WARNING),
        (ending(CATEGORICAL, "sigmoid"), b.one_hot(), WARNING),
        (ending(BINARY, "softmax"), b.one_hot(), WARNING),
        (ending("hinge", "sigmoid", 1, task=Task.BINARY), ZERO_ONE, WARNING),
        (ending("hinge", "tanh", 1, task=Task.BINARY), ZERO_ONE, []),
        (regressing(loss=BINARY), b.numbers(0.0, 1.0), ERROR),
        (regressing(loss=BINARY), b.numbers(0.5, 0.1), []),  # probabilities, as in autoencoders
        (regressing(loss="poisson"), b.numbers(0.0, 1.0), ERROR),
        (regressing("exponential", "poisson"), b.numbers(3.0, 1.0, low=[0.0]), []),
        (regressing(loss="cosine_similarity"), b.numbers(), ERROR),
        (regressing(loss="mean_absolute_percentage_error"), b.numbers(3.0, 1.0, low=[0.0]), WARNING),
        (ending("my_loss", custom_loss=True), b.one_hot(), []),
    ],
)
def test_loss_choice(network: Network, target: object, found: list[Severity]) -> None:
    assert b.severities(loss_choice, network, on(target)) == found


def test_squared_error_on_classes_that_learns_is_a_hint() -> None:
    assert b.severities(loss_choice, ending(MSE), on(b.one_hot()), b.evaluation()) == HINT
    assert (
        b.severities(loss_choice, ending(MSE), on(b.one_hot()), b.evaluation(b.scores("train", b.chance()))) == WARNING
    )


# --- frozen layers ---------------------------------------------------------------------------------


def frozen(path: str, **changes: object) -> object:
    return b.layer(path, trainable=False, **changes)


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ((b.layer("a"), b.layer("b")), []),
        ((frozen("a", pretrained=True), frozen("b", pretrained=True), b.layer("c")), []),  # transfer learning
        ((frozen("a"), b.layer("b")), HINT),
        ((b.layer("a"), frozen("b")), WARNING),
        ((b.layer("a"), frozen("b", kind="Embedding", weighted=False)), []),  # word vectors
        ((frozen("a", as_drawn=True), frozen("b", pretrained=True, as_drawn=True), b.layer("c")), WARNING),
        ((frozen("a", pretrained=True, as_drawn=False), frozen("b", pretrained=True, as_drawn=True)), []),
        ((frozen("a", pretrained=True, as_drawn=True, recurrent=True), b.layer("c")), []),  # a reservoir
    ],
)
def test_frozen_layers(layers: tuple[object, ...], found: list[Severity]) -> None:
    assert b.severities(frozen_layers, b.network(*layers)) == found


def test_a_frozen_layer_in_the_middle_of_a_model_that_learned_is_a_hint() -> None:
    network = b.network(b.layer("a"), frozen("b"))
    assert b.severities(frozen_layers, network, b.evaluation(b.scores("train", b.chance()))) == WARNING
    assert b.severities(frozen_layers, network, b.evaluation()) == HINT


def test_nothing_trainable_is_an_error_unless_the_model_has_learned() -> None:
    network = b.network(frozen("a"), trainable_parameters=0)
    assert b.severities(frozen_layers, network) == ERROR
    assert b.severities(frozen_layers, network, b.evaluation(b.scores("train", b.chance()))) == ERROR
    assert b.severities(frozen_layers, network, b.evaluation()) == HINT


# --- dropout ---------------------------------------------------------------------------------------


def dropping(rate: float, path: str = "dropout", **changes: object) -> object:
    return b.passing(path, "Dropout", dropout=rate, **changes)


@pytest.mark.parametrize(("rate", "found"), [(0.0, []), (0.5, []), (0.6, HINT), (0.8, WARNING), (0.9, WARNING)])
def test_dropout_on_hidden_layers(rate: float, found: list[Severity]) -> None:
    assert b.severities(dropout_rate, b.network(b.layer("a"), dropping(rate))) == found


@pytest.mark.parametrize(("rate", "found"), [(0.2, []), (0.3, HINT), (0.5, WARNING)])
def test_dropout_on_inputs(rate: float, found: list[Severity]) -> None:
    assert b.severities(dropout_rate, b.network(b.passing("in", "InputLayer"), dropping(rate), b.layer("a"))) == found


def test_dropout_after_an_embedding_is_not_on_the_input() -> None:
    embedding = b.layer("words", kind="Embedding", weighted=False, activation=None)
    assert b.findings(dropout_rate, b.network(b.passing("in", "InputLayer"), embedding, dropping(0.5))) == ()


def test_dropouts_in_a_row_multiply_but_not_with_skips() -> None:
    layers = [one for i in range(4) for one in (b.layer(f"d{i}"), dropping(0.5, f"drop{i}"))]
    assert b.severities(dropout_rate, b.network(*layers)) == HINT
    assert b.findings(dropout_rate, b.network(*layers, skips=True)) == ()
