"""Checks of signals and layers. Each check: sick, at the boundary, and healthy look-alikes."""

from dataclasses import replace

import numpy as np
import pytest

from diagnose.checks.network.activation_spread import activation_spread
from diagnose.checks.network.bottleneck import bottleneck
from diagnose.checks.network.cut_gradient import cut_gradient
from diagnose.checks.network.deep_plain import deep_plain
from diagnose.checks.network.initial_loss import initial_loss
from diagnose.checks.network.kernel_scale import kernel_scale
from diagnose.checks.network.missing_nonlinearity import missing_nonlinearity
from diagnose.checks.network.saturating_activations import saturating_activations
from diagnose.checks.network.structure_ignored import structure_ignored
from diagnose.checks.network.symmetric_units import symmetric_units
from diagnose.checks.network.unusual_hidden_activation import unusual_hidden_activation
from diagnose.findings import Examined, Severity, Skipped
from diagnose.measurements import Backward, Baseline, Forward, Initial, Layer, Network, Update
from diagnose.subject import Task
from tests.checks import builders as b
from tests.checks import builders_training as training

ERROR, WARNING, HINT = [Severity.ERROR], [Severity.WARNING], [Severity.HINT]
REGRESSION = b.head(b.regression(), activation="linear", units=1)


def row(count: int, **changes: object) -> list[Layer]:
    """A network with this many hidden layers."""
    return [b.layer(f"d{i}", **changes) for i in range(count)]


# --- loss of fresh weights -------------------------------------------------------------------------


def initial(*losses: float, expected: float = 2.3) -> Initial:
    return Initial(("y",), (losses,), (expected,), 500)


@pytest.mark.parametrize(
    ("losses", "found"),
    [
        ((2.3, 2.4, 2.2), []),
        ((3.4, 3.2, 3.5), []),  # a He head: 1.5 ln K
        ((6.8, 9.0, 30.0), []),  # not on every seed
        ((7.5, 8.0, 9.0), WARNING),
        ((40.0, 50.0, 60.0), ERROR),
    ],
)
def test_initial_loss_of_classes(losses: tuple[float, ...], found: list[Severity]) -> None:
    assert b.severities(initial_loss, initial(*losses), b.network()) == found


def test_a_target_far_from_zero_starts_high_by_nature() -> None:
    far = b.dataset(b.split(y=b.numbers(0.72, 0.14)))
    network = b.network(heads=[REGRESSION])
    fresh = initial(0.6, 0.9, 0.5, expected=0.02)
    assert b.findings(initial_loss, fresh, network, far) == ()
    assert b.severities(initial_loss, initial(9.0, 8.0, 7.0, expected=0.02), network, far) == WARNING


def test_the_chance_level_of_a_custom_loss_is_unknown() -> None:
    head = b.head(b.output(custom_loss=True))
    assert b.findings(initial_loss, initial(90.0), b.network(heads=[head])) == ()


# --- symmetric units -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"twin_units": 0.0}, []),
        ({"twin_units": 0.49}, []),
        ({"twin_units": 0.5}, WARNING),
        ({"twin_units": 1.0}, ERROR),
        ({"twin_units": 1.0, "fan_in": 2}, []),  # two inputs: columns coincide by chance
        ({"twin_units": 1.0, "kind": "DepthwiseConv2D", "fan_in": 1}, []),
        ({"twin_units": None}, []),
    ],
)
def test_symmetric_units(changes: dict[str, object], found: list[Severity]) -> None:
    assert b.severities(symmetric_units, b.network(b.layer("a", **changes), trained=False)) == found


def test_units_that_training_made_alike_are_a_hint() -> None:
    alike = b.layer("a", twin_units=1.0, initializer="GlorotUniform")
    assert b.severities(symmetric_units, b.network(alike)) == [Severity.HINT]
    assert b.severities(symmetric_units, b.network(replace(alike, initializer="Ones"))) == ERROR


def test_a_constant_initialiser_is_an_error_until_training_broke_the_symmetry() -> None:
    zeros = b.layer("a", initializer="Zeros", twin_units=0.0)
    assert b.severities(symmetric_units, b.network(zeros, trained=False)) == ERROR
    assert b.severities(symmetric_units, b.network(zeros)) == HINT


def test_a_zero_kernel_is_healthy_at_the_output_and_before_a_residual_sum() -> None:
    body = (
        b.layer("a"),
        b.layer("branch", activation="linear", initializer="Zeros", twin_units=1.0),
        b.passing("add", "Add", inbound=("a", "branch")),
    )
    assert b.findings(symmetric_units, b.network(*body, skips=True, trained=False)) == ()


# --- spread over the depth -------------------------------------------------------------------------


def profile(*spreads: float, kind: str = "Dense") -> Forward:
    return b.forward(fresh=b.one_pass(*(b.activations(f"d{i}", std=s, kind=kind) for i, s in enumerate(spreads))))


@pytest.mark.parametrize(
    ("spreads", "found"),
    [
        ((1.0, 0.9, 1.1), []),
        ((1.0, 0.2, 0.011), []),
        ((1.0, 0.1, 0.009), WARNING),
        ((1.0, 1e-3, 1e-6), ERROR),
        ((1.0, 30.0, 101.0), WARNING),
        ((1.0, 1e3, 1e6), ERROR),
        ((1.0, 1e30, float("nan")), ERROR),
        ((1.0,), []),
        ((0.0, 0.0, 0.0), []),
    ],
)
def test_activation_spread(spreads: tuple[float, ...], found: list[Severity]) -> None:
    assert b.severities(activation_spread, profile(*spreads), b.network(*row(len(spreads)))) == found


def test_a_branch_that_is_normalised_at_once_may_have_any_spread() -> None:
    body = [
        b.layer("d0"),
        b.layer("d1", activation="linear"),
        b.passing("bn", "BatchNormalization", normalises=True),
        b.layer("d2"),
    ]
    assert b.findings(activation_spread, profile(1.0, 1e-4, 1.0), b.network(*body)) == ()


def test_a_small_output_layer_is_no_collapse() -> None:
    forward = b.forward(fresh=b.one_pass(b.activations("d0"), b.activations("d1"), b.activations("head", std=1e-4)))
    assert b.findings(activation_spread, forward, b.network(*row(2))) == ()


def test_without_fresh_weights_the_depth_profile_is_skipped() -> None:
    outcome = activation_spread.run({Forward: b.forward(profile(1.0).fresh), Network: b.network()})
    assert isinstance(outcome, Skipped)


# --- size of the initial weights -------------------------------------------------------------------


def starting(std: float, **changes: object) -> tuple[Forward, Network]:
    """One hidden layer of fan-in 64, where He's standard deviation is 0.177."""
    forward = b.forward(fresh=b.one_pass(b.activations("a", kernel_std=std)))
    return forward, b.network(b.layer("a", **{"initializer": f"RandomNormal(stddev={std})", **changes}))


@pytest.mark.parametrize(
    ("std", "found"),
    [(0.177, []), (0.06, []), (0.05, WARNING), (0.004, ERROR), (0.5, []), (0.6, WARNING), (4.0, ERROR), (0.0, [])],
)
def test_kernel_scale(std: float, found: list[Severity]) -> None:
    assert b.severities(kernel_scale, *starting(std)) == found


def test_initialisers_that_scale_with_the_layer_are_exempt() -> None:
    assert b.findings(kernel_scale, *starting(0.02, initializer="GlorotUniform()")) == ()


def test_normalisation_makes_the_size_of_weights_irrelevant() -> None:
    forward, _ = starting(4.0)
    body = (b.layer("a", activation="linear"), b.passing("bn", "BatchNormalization", normalises=True))
    assert b.findings(kernel_scale, forward, b.network(*body)) == ()


def test_a_small_output_layer_is_good_practice_and_a_large_one_is_not() -> None:
    for std, found in ((0.001, []), (1.0, WARNING)):
        forward = b.forward(fresh=b.one_pass(b.activations("head", kernel_std=std)))
        last = b.layer("head", activation="softmax", units=10, initializer=f"RandomNormal(stddev={std})")
        assert b.severities(kernel_scale, forward, b.network(b.layer("a"), last)) == found


# --- missing non-linearity -------------------------------------------------------------------------


def linear(path: str, **changes: object) -> Layer:
    return b.layer(path, activation="linear", **changes)


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ([b.layer("a"), b.layer("b")], []),
        ([linear("a"), linear("b")], ERROR),
        ([linear("a"), b.passing("drop", "Dropout"), linear("b")], ERROR),
        ([b.layer("a"), linear("b")], WARNING),
        ([linear("a"), b.layer("b")], WARNING),
        ([linear("a"), b.passing("act", "Activation", activation="relu"), b.layer("b")], []),
        ([linear("a"), b.passing("act", "LeakyReLU", activation="leaky_relu"), b.layer("b")], []),
        ([linear("a"), b.passing("bn", "BatchNormalization", normalises=True), b.layer("b")], []),
        ([linear("a"), b.passing("pool", "MaxPooling2D"), b.layer("b")], []),
        ([linear("a"), b.passing("mine", "MyLayer"), b.layer("b")], []),  # a custom layer may be non-linear
        ([linear("a"), b.layer("mine", kind="MyLayer", activation=None), b.layer("b")], []),  # with weights, too
        ([b.layer("a"), linear("code", units=8), b.layer("b")], []),  # the code of an autoencoder, a low-rank factor
        ([b.layer("a"), linear("dw", kind="DepthwiseConv2D"), b.layer("pw")], []),
        ([b.layer("a"), linear("pw", kind="Conv2D"), b.layer("dw", kind="DepthwiseConv2D")], []),
        ([linear("a"), b.layer("rnn", kind="LSTM", activation="tanh", recurrent=True)], []),
        ([b.layer("rnn", kind="SimpleRNN", activation="linear", recurrent=True), b.layer("b")], WARNING),
    ],
)
def test_missing_nonlinearity(layers: list[Layer], found: list[Severity]) -> None:
    assert b.severities(missing_nonlinearity, b.network(*layers)) == found


HEAD = b.layer("head", activation="softmax", units=10)
NORMALISED = (b.layer("bn", kind="BatchNormalization", activation="linear"), HEAD)


@pytest.mark.parametrize("layers", [(HEAD,), NORMALISED])
@pytest.mark.parametrize(
    ("curved", "linear", "net", "found"),
    [
        (0.05, 0.45, 0.45, ERROR),
        (0.3, 0.45, 0.45, WARNING),  # constant: 0.9
        (0.05, 0.06, 0.06, []),  # the data is linear
        (0.05, 0.45, 0.06, []),  # the net does as well, whatever makes it so
        (0.40, 0.45, 0.45, []),  # the intervals overlap
    ],
)
def test_a_net_without_hidden_layers_is_a_fault_only_where_the_data_is_not_linear(
    layers: tuple[Layer, ...], curved: float, linear: float, net: float, found: list[Severity]
) -> None:
    known = training.baseline(curved, net).outputs[0]
    straight = replace(training.baseline(linear, net).outputs[0].best, name="logistic regression")
    baseline = Baseline((replace(known, candidates=(straight, known.best)),), "dev", "no")
    outcome = missing_nonlinearity.run({Network: b.network(*layers), Baseline: baseline})
    assert isinstance(outcome, Examined)
    assert [finding.severity for finding in outcome.findings] == found
    alone = missing_nonlinearity.run({Network: b.network(*layers)})
    assert isinstance(alone, Examined) and alone.findings == ()


def test_projections_into_a_sum_are_linear_on_purpose() -> None:
    body = (
        b.layer("in"),
        b.layer("a", inbound=("in",)),
        linear("proj", inbound=("in",)),
        b.passing("add", "Add", inbound=("a", "proj")),
    )
    assert b.findings(missing_nonlinearity, b.network(*body, b.layer("b"), skips=True)) == ()


def test_an_unknown_graph_is_not_judged() -> None:
    network = b.network(linear("a"), linear("b"), graph_known=False)
    assert isinstance(missing_nonlinearity.run({Network: network}), Skipped)


@pytest.mark.parametrize(("operations", "judged"), [(("Relu",), False), (("Add", "Reshape"), True)])
def test_operations_outside_layers_may_be_nonlinear(operations: tuple[str, ...], judged: bool) -> None:
    outcome = missing_nonlinearity.run({Network: b.network(linear("a"), linear("b"), operations=operations)})
    assert isinstance(outcome, Examined if judged else Skipped)


# --- depth -----------------------------------------------------------------------------------------


def slopes(first: float, last: float, count: int) -> Backward:
    sizes = np.geomspace(first, last, count)
    return Backward(b.MISSING, b.gradients(*(b.gradient(f"d{i}", float(size)) for i, size in enumerate(sizes))))


@pytest.mark.parametrize(("count", "found"), [(10, []), (11, HINT), (34, HINT)])
def test_depth_without_further_evidence_is_a_hint(count: int, found: list[Severity]) -> None:
    assert b.severities(deep_plain, b.network(*row(count))) == found


def test_lost_signal_or_gradient_makes_depth_a_fault() -> None:
    network = b.network(*row(12))
    assert b.severities(deep_plain, network, profile(*np.geomspace(1, 1e-3, 12))) == WARNING
    assert b.severities(deep_plain, network, profile(*np.geomspace(1, 1e-5, 12))) == ERROR
    assert b.severities(deep_plain, network, slopes(1e-6, 1e-2, 12)) == WARNING
    assert b.severities(deep_plain, network, slopes(1e-2, 1e-2, 12)) == HINT


def test_skips_and_normalisation_make_depth_healthy() -> None:
    norm = b.passing("bn", "BatchNormalization", normalises=True, parameters=256)
    assert b.findings(deep_plain, b.network(*row(20), skips=True)) == ()
    assert b.findings(deep_plain, b.network(*row(10), norm, *[b.layer(f"e{i}") for i in range(10)])) == ()


def test_a_pretrained_backbone_may_be_deep() -> None:
    assert b.findings(deep_plain, b.network(*row(16, pretrained=True), b.layer("top"))) == ()


@pytest.mark.parametrize(
    ("count", "activation", "backward", "found"),
    [
        (3, "sigmoid", None, []),
        (4, "sigmoid", None, WARNING),
        (6, "sigmoid", None, ERROR),
        (6, "sigmoid", slopes(1e-6, 1e-2, 6), ERROR),
        (6, "sigmoid", slopes(1e-2, 1e-2, 6), WARNING),
        (20, "tanh", None, []),  # no harm with the right initialisation
        (20, "tanh", slopes(1e-6, 1e-2, 20), WARNING),
        (20, "relu", slopes(1e-6, 1e-2, 20), []),
    ],
)
def test_saturating_activations(count: int, activation: str, backward: Backward | None, found: list[Severity]) -> None:
    measured = (b.network(*row(count, activation=activation)), *([backward] if backward else []))
    assert b.severities(saturating_activations, *measured) == found


def test_recurrent_layers_have_sigmoids_by_design() -> None:
    assert (
        b.findings(saturating_activations, b.network(*row(5, kind="LSTM", activation="sigmoid", recurrent=True))) == ()
    )


# --- unusual activations ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ([b.layer("a", activation="tanh")], []),
        ([b.layer("a", activation="softmax"), b.layer("b")], WARNING),
        ([b.layer("a", activation="sigmoid")], HINT),
        ([b.layer("a", kind="LSTM", activation="tanh", recurrent=True)], []),
        ([b.layer("a", kind="LSTM", activation="relu", recurrent=True)], HINT),
    ],
)
def test_unusual_hidden_activation(layers: list[Layer], found: list[Severity]) -> None:
    assert b.severities(unusual_hidden_activation, b.network(*layers)) == found


def test_a_softmax_that_weights_experts_is_a_gate() -> None:
    body = (
        b.layer("experts"),
        b.layer("gate", activation="softmax"),
        b.passing("mix", "Multiply", inbound=("experts", "gate")),
    )
    assert b.findings(unusual_hidden_activation, b.network(*body, skips=True)) == ()


@pytest.mark.parametrize(("activation", "found"), [("linear", []), ("relu", WARNING), ("softmax", [])])
def test_logits_before_a_separate_softmax_may_be_negative(activation: str, found: list[Severity]) -> None:
    body = (b.layer("a"), b.layer("logits", units=10, activation=activation))
    last = b.passing("probabilities", "Softmax", activation="softmax")
    network = b.network(*body, last, heads=[b.head(layer="logits")])
    assert b.severities(unusual_hidden_activation, network) == found


# --- width -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "found"),
    [(1, WARNING), (3, WARNING), (4, HINT), (6, HINT), (7, []), (64, [])],
)
def test_width_against_ten_classes(units: int, found: list[Severity]) -> None:
    network = b.network(b.layer("a", units=16), b.layer("narrow", units=units, fan_in=16), b.layer("b", units=16))
    assert b.severities(bottleneck, network) == found


def test_two_units_are_enough_for_one_number() -> None:
    assert b.findings(bottleneck, b.network(b.layer("a", units=2, fan_in=8), heads=[REGRESSION])) == ()


def test_an_hourglass_is_a_hint_and_healthy_with_skips() -> None:
    layers = (b.layer("a", units=512), b.layer("narrow", units=16, fan_in=512), b.layer("b", units=512))
    assert b.severities(bottleneck, b.network(*layers)) == HINT
    assert b.findings(bottleneck, b.network(*layers, skips=True)) == ()


def test_an_autoencoder_is_narrow_on_purpose() -> None:
    head = b.head(b.regression(), activation="linear", units=64, target_shape=(64,))
    network = b.network(b.layer("code", units=2), heads=[head])
    data = b.dataset(b.split(x=b.inputs(features=64), y=b.numbers(np.zeros(64), np.ones(64))))
    assert b.findings(bottleneck, network, data) == ()
    line = b.network(b.layer("code", units=1), heads=[head])
    assert [f.value for f in b.findings(bottleneck, line, data)] == [1.0]


def test_channels_of_a_convolution_are_not_a_vector() -> None:
    conv = b.layer("conv", kind="Conv2D", units=1, output_shape=(28, 28, 1))
    assert b.findings(bottleneck, b.network(conv)) == ()


# --- cut gradients ---------------------------------------------------------------------------------


CUT = b.gradients(b.gradient("a", cut=True), b.gradient("head"))
WHOLE = b.gradients(b.gradient("a"), b.gradient("head"))
TWO = b.network(b.layer("a"))


@pytest.mark.parametrize(
    ("current", "fresh", "found"),
    [
        (WHOLE, WHOLE, []),
        (CUT, CUT, ERROR),
        (CUT, WHOLE, WARNING),
        (CUT, b.MISSING, WARNING),
        (replace(CUT, loss=0.0), CUT, []),
    ],
)
def test_cut_gradient(current: object, fresh: object, found: list[Severity]) -> None:
    assert b.severities(cut_gradient, Backward(current, fresh), TWO) == found


def test_a_dead_layer_explains_a_zero_gradient() -> None:
    assert b.findings(cut_gradient, Backward(CUT, WHOLE), TWO, b.dying(100)) == ()


@pytest.mark.parametrize(
    ("update", "found"),
    [
        (Update(7, {"head": 1e-3}, {"a": 1e-3}), []),  # a slow copy, which the model's own code moves
        (Update(7, {"head": 1e-3}, {"a": 0.0}), ERROR),  # forgotten
        (Update(7, {"a": 1e-3, "head": 1e-3}), ERROR),  # moved by weight decay
    ],
)
def test_a_slow_copy_of_other_weights_needs_no_gradient(update: Update, found: list[Severity]) -> None:
    watched = replace(training.history(training.run([2.3])), origin="live", updates=(update,))
    assert b.severities(cut_gradient, Backward(CUT, CUT), TWO, watched) == found


def test_frozen_layers_and_embeddings_may_have_no_gradient() -> None:
    assert b.findings(cut_gradient, Backward(CUT, CUT), b.network(b.layer("a", trainable=False))) == ()
    words = b.gradients(b.gradient("words", cut=True, kind="Embedding"))
    assert b.findings(cut_gradient, Backward(words, words), TWO) == ()


# --- structure -------------------------------------------------------------------------------------

FLAT = (b.passing("in", "InputLayer"), b.passing("flat", "Flatten"), b.layer("a"))
CONVOLVED = (b.passing("in", "InputLayer"), b.layer("conv", kind="Conv2D"), b.passing("flat", "Flatten"), b.layer("a"))


@pytest.mark.parametrize(
    ("layers", "kind", "shape", "found"),
    [
        (FLAT, "image", (32, 32, 3), HINT),
        (FLAT[1:], "image", (32, 32, 3), HINT),  # a Sequential model may list no input layer
        (FLAT, "image", (8, 8, 1), []),
        (FLAT, "sequence", (100, 4), HINT),
        (FLAT, "sequence", (8, 4), []),
        (FLAT, "dense", (784,), []),
        (CONVOLVED, "image", (32, 32, 3), []),
    ],
)
def test_structure_ignored(layers: tuple[Layer, ...], kind: str, shape: tuple[int, ...], found: list[Severity]) -> None:
    data = b.dataset(b.split(x=b.inputs(kind=kind, shape=shape)))
    assert b.severities(structure_ignored, b.network(*layers), data) == found


def test_a_head_that_only_classifies_needs_no_width_rule_for_two_classes() -> None:
    head = b.head(b.output(task=Task.BINARY, loss="binary_crossentropy", classes=2), activation="sigmoid", units=1)
    assert b.findings(bottleneck, b.network(b.layer("a", units=2, fan_in=4), heads=[head])) == ()
