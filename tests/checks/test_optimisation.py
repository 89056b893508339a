"""Checks on optimisation: the sick, the boundary, and healthy trainings that look sick."""

from dataclasses import replace

import numpy as np
import pytest

from diagnose.checks.optimisation.batch_size import batch_size
from diagnose.checks.optimisation.divergence import divergence
from diagnose.checks.optimisation.exploding_gradients import exploding_gradients
from diagnose.checks.optimisation.optimizer_settings import optimizer_settings
from diagnose.checks.optimisation.penalty_share import penalty_share
from diagnose.checks.optimisation.plateau import plateau
from diagnose.checks.optimisation.slow_learning import slow_learning
from diagnose.checks.optimisation.unstable_seeds import unstable_seeds
from diagnose.checks.optimisation.vanishing_gradients import vanishing_gradients
from diagnose.findings import Severity
from diagnose.measurements import History
from tests.checks.builders_training import (
    MISSING,
    backward,
    baseline,
    dataset,
    decay,
    dense,
    evaluation,
    findings,
    forward,
    gradients,
    history,
    initial,
    network,
    run,
    score,
    severities,
    skipped,
)

ERROR, WARNING, HINT = Severity.ERROR, Severity.WARNING, Severity.HINT
GOOD, POOR = evaluation(score(0.05)), evaluation(score(0.89))


# --- divergence --------------------------------------------------------------------------------------------


def test_a_loss_that_loses_what_was_learned_is_an_error() -> None:
    curve = [2.3, 1.5, 0.9, 0.8, 2.5, 3.0, 3.4, 3.1]
    (found,) = findings(divergence, history(run(curve)))
    assert found.severity is ERROR and "0.8 to 3.1" in found.message


def test_a_loss_that_climbs_but_stays_useful_is_a_warning() -> None:
    assert severities(divergence, history(run([2.3, 0.4, 0.3, 0.7, 0.9, 0.9]))) == [WARNING]


def test_one_diverged_seed_of_three_is_bad_luck() -> None:
    good, bad = decay(2.3, 0.2, 0.5), [2.3, 0.8, 0.7, *[3.0] * 10]
    assert severities(divergence, history(run(good), run(good), run(bad))) == []
    assert severities(divergence, history(run(good), run(bad), run(bad))) == [ERROR]


def test_a_swinging_loss_that_does_not_settle_is_a_warning() -> None:
    swinging = [2.3, 2.0, 2.2, 2.4, 2.0, 2.2, 2.45, 2.0, 2.2, 2.4, 2.1, 2.25, 2.4]
    assert severities(divergence, history(run(swinging))) == [WARNING]


def test_a_converged_loss_may_wiggle_and_one_epoch_may_jump() -> None:
    tiny = [2.3, 0.5, 0.1, 1e-4, 5e-4, 3e-4, 6e-4, 5e-4, 6e-4, 9e-4]
    jump = [*decay(2.3, 0.3, 0.5), 1.9]
    assert severities(divergence, history(run(tiny))) == []
    assert severities(divergence, history(run(jump))) == []


def test_a_loss_at_a_new_minimum_does_not_climb() -> None:
    assert severities(divergence, history(run([2.3, 1.4, 0.9, 0.6, 0.5, 0.14]))) == []


def test_a_rise_within_the_noise_of_the_points_is_not_reported() -> None:
    curve = [0.7, 0.3, 0.044, 0.2, 0.14, 0.12]
    noisy = history(run(curve, train_se=np.full(6, 0.05)), constant_loss=0.7)
    assert severities(divergence, noisy) == []
    certain = history(run(curve, train_se=np.full(6, 0.01)), constant_loss=0.7)
    assert severities(divergence, certain) == [WARNING]


RESTARTS = np.array([0.1, 0.05, 0.001, 0.1, 0.09, 0.08])


def test_a_rise_at_a_warm_restart_is_expected_and_one_that_stays_is_not() -> None:
    curve = [2.3, 0.5, 0.2, 1.2, 1.1, 0.9]
    assert severities(divergence, history(run(curve))) == [WARNING]
    assert severities(divergence, history(run(curve, learning_rates=RESTARTS))) == []
    fallen = np.array([0.1, 0.05, 0.001, 0.1, 0.001, 0.001, 0.001])
    assert severities(divergence, history(run([*curve, 0.9], learning_rates=fallen))) == [WARNING]


def test_a_warm_up_to_a_rate_that_is_too_high_is_divergence() -> None:
    warming = np.array([0.001, 0.003, 0.01, 0.03, 0.1, 0.1, 0.1])
    curve = [2.3, 1.0, 0.5, 1.5, 2.4, 2.4, 2.4]
    assert severities(divergence, history(run(curve, learning_rates=warming))) == [ERROR]


def test_a_loss_that_swings_with_a_cyclical_rate_is_expected() -> None:
    swinging = [2.3, 2.0, 2.2, 2.4, 2.0, 2.2, 2.45, 2.0, 2.2, 2.4, 2.1, 2.25, 2.4]
    cycles = np.array([0.01, 0.001, 0.005] * 5)[:13]
    assert severities(divergence, history(run(swinging, learning_rates=cycles))) == []


def test_without_the_constants_loss_divergence_is_not_judged() -> None:
    assert "constant" in skipped(divergence, history(run([2.3, 1.0, 3.0, 3.0, 3.0]), constant_loss=None))


# --- gradients -----------------------------------------------------------------------------------------------

SIGMOIDS = (2e-6, 1e-5, 6e-5, 4e-4, 2e-3, 1e-2)


@pytest.mark.parametrize(("first", "expected"), [(9e-6, [WARNING]), (9e-8, [ERROR]), (2e-5, [])])
def test_vanishing_follows_the_depth_ratio(first, expected) -> None:
    fading = gradients((first, 1e-4, 1e-3, 1e-2))
    assert severities(vanishing_gradients, backward(fading), forward((1, 0.3, 0.1, 1))) == expected


def test_vanishing_names_the_layer_and_shows_the_profile() -> None:
    (found,) = findings(vanishing_gradients, backward(gradients(SIGMOIDS)))
    assert found.where.layer == "layer_0" and found.value == pytest.approx(2e-4)
    assert found.evidence[0].kind == "bars" and found.evidence[0].log


def test_vanishing_needs_further_evidence() -> None:
    alone = gradients(SIGMOIDS, activation=(0.3, 0.4, 0.5, 0.8, 0.9, 1.0))
    assert severities(vanishing_gradients, backward(alone), forward((1, 1, 1, 1, 1, 1))) == []
    assert severities(vanishing_gradients, backward(alone), forward((1, 0.1, 0.05, 0.02, 0.005, 1))) == [WARNING]


def test_a_small_initialisation_starves_all_layers_alike() -> None:
    flat = gradients((0.02,) * 10, rms=(8e-8,) * 9 + (1e-3,))
    shrinking = forward([0.2**depth for depth in range(10)])
    (found,) = findings(vanishing_gradients, backward(flat), shrinking, initial())
    assert found.severity is WARNING and "of the loss" in found.message
    assert severities(vanishing_gradients, backward(flat), forward((1,) * 10), initial()) == []


def test_gradients_that_vanish_in_a_model_that_learned_are_a_hint() -> None:
    learned = gradients((0.1, 0.1, 0.1), loss=0.2)
    assert severities(vanishing_gradients, backward(gradients(SIGMOIDS), learned)) == [HINT]


def test_a_converged_net_may_have_small_gradients() -> None:
    healthy = gradients((0.02, 0.03, 0.02))
    converged = gradients((1e-9, 1e-7, 1e-5), loss=0.01)
    stuck = gradients((1e-9, 1e-7, 1e-5), loss=2.3)
    assert severities(vanishing_gradients, backward(healthy, converged), initial()) == []
    assert severities(vanishing_gradients, backward(healthy, stuck), initial()) == [WARNING]


def test_nets_that_are_healthy_by_measurement_pass() -> None:
    for profile in ((0.16, 0.4, 1.0), (1.5, 1.2, 1.0), (17.5, 4.0, 1.0), (0.01, 1.0)):
        assert severities(vanishing_gradients, backward(gradients(profile)), initial(1.5)) == []
        assert severities(exploding_gradients, backward(gradients(profile)), initial(1.5), network()) == []


def test_zero_initialised_branches_and_embeddings_are_left_out() -> None:
    branches = gradients((0.5, 1e-12, 0.6, 0.7), cut=(1,))
    assert severities(vanishing_gradients, backward(branches)) == []
    profile = gradients((1e-9, 0.5, 0.6, 0.7))
    embedding = replace(profile, layers=(replace(profile.layers[0], kind="Embedding"), *profile.layers[1:]))
    assert severities(vanishing_gradients, backward(embedding)) == []


def test_an_explosion_is_not_mistaken_for_vanishing() -> None:
    assert severities(vanishing_gradients, backward(gradients(SIGMOIDS)), initial(1000)) == []


def test_gradients_that_could_not_be_taken_skip_the_check() -> None:
    assert skipped(vanishing_gradients, backward(MISSING)) == "not given"
    assert skipped(exploding_gradients, backward(MISSING)) == "not given"


def test_loaded_weights_are_judged_where_fresh_ones_are_unavailable() -> None:
    fading = gradients(SIGMOIDS, loss=2.3)
    assert severities(vanishing_gradients, backward(MISSING, fading), initial()) == [WARNING]
    assert severities(vanishing_gradients, backward(MISSING, fading)) == []


def test_a_huge_gradient_norm_is_an_error_where_the_loss_explodes_as_well() -> None:
    huge = backward(gradients((0.5, 0.4, 0.3), norms=(1e5,) * 8))
    assert severities(exploding_gradients, huge, initial(1e4), network()) == [ERROR]
    assert severities(exploding_gradients, huge, initial(1.2), network()) == [WARNING]


def test_an_explosion_that_did_not_prevent_learning_is_a_hint() -> None:
    learned = gradients((0.1, 0.1, 0.1), loss=0.1)
    huge = gradients((0.5, 0.4, 0.3), norms=(1e5,) * 8, loss=1e5)
    assert severities(exploding_gradients, backward(huge, learned), initial(1e4), network()) == [HINT]


def test_a_growing_profile_needs_further_evidence_and_no_normalisation() -> None:
    growing = backward(gradients((80.0, 9.0, 1.0)))
    assert severities(exploding_gradients, growing, forward((1, 500, 1)), network()) == [WARNING]
    assert severities(exploding_gradients, growing, forward((1, 1, 1)), network()) == []
    normalised = network(layers=[dense("a"), dense("bn", kind="BatchNormalization", weighted=False, normalises=True)])
    assert severities(exploding_gradients, growing, forward((1, 500, 1)), normalised) == []


def test_one_batch_whose_gradient_spikes_is_reported() -> None:
    spiking = backward(gradients((1.0, 1.0, 1.0), norms=(1.0,) * 9 + (200.0,)))
    assert severities(exploding_gradients, spiking) == [WARNING]
    few = backward(gradients((1.0, 1.0, 1.0), norms=(1.0,) * 5 + (200.0,)))
    assert severities(exploding_gradients, few) == []


def test_spikes_of_a_watched_training_are_measured_against_its_start() -> None:
    calm = backward(gradients((1.0, 1.0, 1.0)))
    norms = np.ones(400)
    norms[250:260] = 500.0
    watched = history(run([2.3, 1.0], gradient_norms=norms), origin="live")
    (found,) = findings(exploding_gradients, calm, watched)
    assert found.where.step == 250 and found.evidence[-1].kind == "curves"
    late = np.geomspace(1.0, 1e-4, 400)
    late[-8:] = 0.5
    assert severities(exploding_gradients, calm, history(run([2.3, 0.1], gradient_norms=late), origin="live")) == []


# --- slow learning, plateau, seeds ---------------------------------------------------------------------------


def test_learning_that_does_not_start_is_a_warning_and_a_late_start_a_hint() -> None:
    assert severities(slow_learning, history(run([2.31, 2.30, 2.30, 2.29, 2.29]))) == [WARNING]
    assert severities(slow_learning, history(run([2.31, 2.30, 1.5, 0.9, 0.8, 0.7]))) == [HINT]


def test_a_fall_to_97_percent_is_a_start() -> None:
    assert severities(slow_learning, history(run([2.3, 2.3 * 0.97, 2.2, 2.1]))) == []


def test_a_loss_that_falls_to_the_constants_only_has_not_started() -> None:
    assert severities(slow_learning, history(run([9.4, 2.4, 2.31, 2.30, 2.30]))) == [WARNING]


def test_an_epoch_of_a_few_steps_is_not_an_epoch() -> None:
    short = run([2.30, 2.30, 2.29, 1.5, 1.0, 0.5, 0.3])
    assert severities(slow_learning, history(short, steps_per_epoch=10)) == []
    assert "50 steps" in skipped(slow_learning, history(run([2.3, 2.3, 2.3]), steps_per_epoch=1))


def test_slow_learning_leaves_divergence_alone_and_reads_replays_only() -> None:
    assert severities(slow_learning, history(run([2.3, 90.0, 500.0]))) == []
    assert "training log cannot show" in skipped(slow_learning, history(run([2.3, 2.3, 2.3]), origin="recorded"))


def test_a_flat_loss_at_the_constant_is_a_plateau() -> None:
    still = [2.4] + [2.30] * 12
    (found,) = findings(
        plateau, history(run(still)), backward(gradients((1, 1, 1)), gradients((1, 1, 1), norms=[1e-4]))
    )
    assert found.severity is WARNING and "1e-4 times its size" in found.message


def watched(losses: list[float], steps: int, **changed: object) -> History:
    return history(run(losses, step_losses=np.full(steps, 2.3)), origin="live", **changed)


def test_a_running_training_may_need_half_of_its_steps_to_get_started() -> None:
    still = [2.31] + [2.30] * 12
    assert severities(plateau, watched(still, 200)) == [WARNING]  # it has ended
    assert "fewer than 400 steps" in skipped(plateau, watched(still, 200, running=True, planned=800))
    assert severities(plateau, watched(still, 450, running=True, planned=800)) == [WARNING]
    assert "2,000 steps" in skipped(plateau, watched(still, 200, running=True))
    assert severities(plateau, watched(still, 2200, running=True, planned=100_000)) == [WARNING]


def test_a_loss_that_makes_new_minima_is_no_plateau() -> None:
    assert severities(plateau, watched([2.3] * 9 + [2.3, 2.25, 2.31, 2.26], 200)) == []


def test_a_loss_that_is_too_noisy_to_be_called_flat_is_no_plateau() -> None:
    assert "too noisy" in skipped(plateau, history(run([2.3] * 13, train_se=np.full(13, 0.3))))
    assert severities(plateau, history(run([2.3] * 13, train_se=np.full(13, 0.01)))) == [WARNING]


def test_a_noisy_loss_is_flat_if_its_last_half_shows_it() -> None:
    noise = {"train_se": np.full(40, 0.06)}
    (found,) = findings(plateau, history(run([2.3] * 40, **noise)))
    assert "over the last half" in found.message
    assert "too noisy" in skipped(plateau, history(run(np.linspace(2.37, 2.3, 40).tolist(), **noise)))
    assert severities(plateau, history(run(np.linspace(2.9, 2.3, 40).tolist(), **noise))) == []


def test_a_spike_of_a_running_training_is_given_time_to_recover() -> None:
    spiked = [2.3, *np.linspace(1.0, 0.2, 26), 0.8, 0.9, 0.8]
    assert severities(divergence, watched(spiked, 900, running=True)) == []
    assert severities(divergence, watched(spiked, 900)) == [WARNING]  # it has ended so
    assert severities(divergence, watched([*spiked, *[0.9] * 5], 900, running=True)) == [WARNING]


def test_a_loss_of_ones_own_is_compared_with_its_first_steps() -> None:
    own = {"constant_loss": None, "first_loss": 40.0}
    assert severities(divergence, history(run([40.0, 20.0, 10.0, 25.0, 30.0, 30.0]), **own)) == []
    (found,) = findings(divergence, history(run([40.0, 20.0, 10.0, 50.0, 60.0, 60.0]), **own))
    assert found.severity is WARNING and found.message.endswith("that at the start is 40")
    (found,) = findings(plateau, history(run([40.0] * 13), **own))
    assert found.message.endswith("stays at the loss at the start")
    assert "unknown" in skipped(plateau, history(run([-1.0] * 13), **own))


def test_a_rate_that_is_still_warming_up_is_no_plateau() -> None:
    warming = np.linspace(0.0, 0.001, 13)
    assert severities(plateau, history(run([2.3] * 13, learning_rates=warming))) == []


def test_a_flat_loss_behind_a_baseline_is_a_plateau() -> None:
    low = run([2.4] + [1.2] * 12, final_train_skill=0.5)
    assert severities(plateau, history(low), baseline(0.05, 0.45)) == [WARNING]
    assert severities(plateau, history(low), baseline(0.4, 0.45)) == []


def test_a_converged_training_and_one_still_falling_are_clean() -> None:
    assert severities(plateau, history(run([2.3, 0.5, *[0.05] * 11]))) == []
    assert severities(plateau, history(run(np.linspace(2.4, 2.1, 13).tolist()))) == []


def test_some_seeds_that_fail_make_training_fragile() -> None:
    runs = [run([2.3, 1.0], final_train_skill=skill, seed=seed) for seed, skill in enumerate((0.9, 0.02, 0.01))]
    (found,) = findings(unstable_seeds, history(*runs))
    assert found.severity is HINT and "1 of 3 seeds" in found.message
    assert severities(unstable_seeds, history(*runs, whole=True)) == [WARNING]
    broken = replace(runs[1], non_finite_step=12)
    assert severities(unstable_seeds, history(runs[0], broken)) == [WARNING]


def test_small_differences_between_seeds_are_not_reported() -> None:
    def skills(*values: float) -> list[Severity]:
        return severities(unstable_seeds, history(*(run([1.0], final_train_skill=value) for value in values)))

    assert skills(0.95, 0.75, 0.9) == []
    assert skills(0.12, 0.08, 0.11) == []
    assert skills(0.0, 0.01, 0.02) == []
    assert "one seed" in skipped(unstable_seeds, history(run([1.0])))


# --- penalties, settings, batches ------------------------------------------------------------------------------


def test_penalties_that_outweigh_the_data_in_a_model_that_underfits() -> None:
    (found,) = findings(penalty_share, evaluation(score(0.6), score(0.61)), network(penalty=4.0))
    assert found.severity is WARNING and found.value is not None and found.value > 0.5


def test_penalties_beside_a_small_data_loss_are_harmless() -> None:
    assert severities(penalty_share, evaluation(score(0.01), score(0.03)), network(penalty=0.5)) == []


def test_penalties_with_variance_or_a_small_share_are_not_reported() -> None:
    assert severities(penalty_share, evaluation(score(0.6), score(0.75)), network(penalty=4.0)) == []
    assert severities(penalty_share, evaluation(score(0.6), score(0.61)), network(penalty=0.5)) == []
    assert "dev set" in skipped(penalty_share, evaluation(score(0.6)), network(penalty=4.0))


def test_penalties_above_a_missed_target_or_a_better_baseline() -> None:
    levels = evaluation(score(0.2), score(0.21))
    assert severities(penalty_share, levels, network(penalty=4.0, target=0.1)) == [WARNING]
    assert severities(penalty_share, levels, network(penalty=4.0), baseline(0.1, 0.21)) == [WARNING]
    assert severities(penalty_share, levels, network(penalty=4.0)) == []


@pytest.mark.parametrize(
    ("optimizer", "settings", "expected"),
    [
        ("sgd", {"momentum": 0.9}, []),
        ("sgd", {"momentum": 0.0}, [HINT]),
        ("sgd", {"momentum": 0.995}, [HINT]),
        ("sgd", {"momentum": 0.9999}, [WARNING]),
        ("sgd", {}, []),
        ("adam", {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}, []),
        ("adam", {"beta_1": 0.5}, [HINT]),
        ("adam", {"beta_1": 0.999}, [WARNING]),
        ("adam", {"epsilon": 0.1}, [HINT]),
        ("adam", {"epsilon": 10.0}, [WARNING]),
        ("adam", {"clipnorm": 1e-6}, []),
        ("sgd", {"clipnorm": 1.0, "momentum": 0.9}, []),
        ("sgd", {"clipnorm": 1e-5, "momentum": 0.9}, [WARNING]),
        ("adamw", {"weight_decay": 0.1}, []),
        ("adamw", {"weight_decay": 50.0}, [WARNING]),
    ],
)
def test_optimizer_settings(optimizer, settings, expected) -> None:
    assert severities(optimizer_settings, network(optimizer=optimizer, settings=settings)) == expected


def test_clipping_is_measured_against_the_gradient() -> None:
    clipped = network(optimizer="sgd", settings={"clipnorm": 0.05, "momentum": 0.9})
    assert severities(optimizer_settings, clipped) == []
    assert severities(optimizer_settings, clipped, backward(gradients((1, 1, 1), norms=(20.0,) * 8))) == [WARNING]


def test_a_penalty_under_adam_is_a_hint_and_an_unknown_optimizer_is_skipped() -> None:
    layers = [dense("a", regularized=True), dense("out")]
    assert severities(optimizer_settings, network(layers=layers)) == [HINT]
    assert severities(optimizer_settings, network(layers=layers, optimizer="sgd", settings={"momentum": 0.9})) == []
    assert "unknown" in skipped(optimizer_settings, network(optimizer=None))


@pytest.mark.parametrize(
    ("size", "rows", "iterations", "expected"),
    [
        (32, 60_000, 9_375, []),
        (2_001, 2_001, 5_000, [HINT]),
        (2_000, 2_000, 5_000, []),
        (1, 500, 5_000, [HINT]),
        (32, 150, 40, [HINT]),
        (32, 150, 500, []),
        (32, 150, None, []),
    ],
)
def test_batch_sizes(size, rows, iterations, expected) -> None:
    assert severities(batch_size, network(batch_size=size, iterations=iterations), dataset(rows)) == expected


@pytest.mark.parametrize(("size", "expected"), [(4_096, []), (98_304, [HINT])])
def test_a_batch_is_compared_with_all_rows(size, expected) -> None:
    held = dataset(1_024)
    sampled = replace(held, train=replace(held.train, sampled=True, population=98_304))
    assert severities(batch_size, network(batch_size=size, iterations=5_000), sampled) == expected
    unknown = replace(held, train=replace(held.train, sampled=True))
    assert "the total is unknown" in skipped(batch_size, network(batch_size=size), unknown)


def test_batch_normalisation_needs_rows() -> None:
    layers = [dense("a"), dense("bn", kind="BatchNormalization", normalises=True, weighted=False)]
    assert severities(batch_size, network(layers=layers, batch_size=2), dataset(500)) == [WARNING]
    assert severities(batch_size, network(layers=layers, batch_size=4), dataset(500)) == []
    assert "unknown" in skipped(batch_size, network(), dataset(500))


def test_weights_that_a_penalty_pulled_to_zero() -> None:
    shrunk = [dense("a", regularized=True, kernel_std=1e-4), dense("out", kernel_std=0.1)]
    healthy = [dense("a", regularized=True, kernel_std=0.02), dense("out", kernel_std=0.1)]
    free = [dense("a", kernel_std=1e-4), dense("out", kernel_std=0.1)]
    (found,) = findings(penalty_share, POOR, network(layers=shrunk, penalty=1e-6))
    assert found.severity is WARNING and found.where.layer == "a"
    assert severities(penalty_share, POOR, network(layers=healthy, penalty=1e-6)) == []
    assert severities(penalty_share, POOR, network(layers=free)) == []
    assert severities(penalty_share, POOR, network(layers=free, settings={"weight_decay": 0.5})) == [WARNING]
    assert severities(penalty_share, GOOD, network(layers=shrunk, penalty=1e-6)) == []


def test_a_term_that_a_layer_adds_and_that_drowns_the_data_from_the_start() -> None:
    drowned = history(run([2.3] * 5, step_losses=np.full(20, 23.0)))
    (found,) = findings(penalty_share, POOR, network(), drowned)
    assert found.value == pytest.approx(0.9) and "losses that layers add make up 90 % of the loss" in found.message
    assert severities(penalty_share, POOR, network(), history(run([2.3] * 5, step_losses=np.full(20, 2.5)))) == []
    assert severities(penalty_share, GOOD, network(), drowned) == []
    clipped = history(run([14.0] * 5, step_losses=np.full(20, 700.0)))  # log losses of a net that is sure and wrong
    assert severities(penalty_share, POOR, network(), clipped) == []
    leap = history(run([2.3] * 5, step_losses=np.array([2.4, 90.0, 900.0])))  # the first update was far too large
    assert severities(penalty_share, POOR, network(), leap) == []
