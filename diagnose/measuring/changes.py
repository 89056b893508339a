"""Change one thing and train again: which single change restores learning in a sick model."""

from math import log10

import numpy as np

from diagnose.measurements import (
    DOES_NOT_APPLY,
    Array,
    Baseline,
    Change,
    Changes,
    Evaluation,
    LearningRate,
    Measurements,
    NotMeasured,
    SweepPoint,
    Unavailable,
)
from diagnose.measuring import copying
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import learning_rates
from diagnose.measuring.training import Trainer, diverged, judging_steps, own_steps, own_training
from diagnose.measuring.variants import Variant, variants

BEHIND = 0.2  # skill by which a sick net falls behind a baseline
STEPS = (300, 600)  # of one training: the user's own number, kept between these
SEEDS = 3
TUNED = (1e-3, 1e-2, 1e-4)  # rates of Adam: optimizers are compared at tuned rates only


def changes(bench: Bench, measured: Measurements) -> Changes | Unavailable:
    """Train from fresh weights with one thing changed at a time, several seeds each; only where the model is sick."""
    if not is_sick(measured):
        return Unavailable("not needed: changes are tried only on failing models", DOES_NOT_APPLY)
    if not bench.rebuilt:
        return Unavailable("the model cannot be rebuilt, so nothing in it can be changed", copying.REBUILD)
    if bench.fine_tuned:
        return Unavailable("the model fine-tunes pretrained layers, whose start is unknown", DOES_NOT_APPLY)
    steps = _steps(bench)
    try:
        reference, _ = _own(bench, steps)
    except NotMeasured as reason:
        return Unavailable.of(reason)
    found = list(_rates(measured))
    tuned = _tuned(measured)
    for variant in variants(bench):
        if variant.optimizer and not tuned:
            continue  # a tuned optimizer beside an untuned one would say nothing of the optimizer
        try:
            skill, broken = _train(bench, variant, steps)
        except (NotMeasured, ValueError, TypeError):  # this change does not fit this model
            continue
        found.append(Change(variant.code, variant.what, skill, tuned if variant.optimizer else reference, broken))
    return Changes(changes=tuple(found), steps=steps, rows=bench.holdout()[0].rows)


def changes_steps(bench: Bench, measured: Measurements) -> int:
    """Return how many training steps `changes` takes at the bench's present scale; 0 behind a passed gate."""
    if not is_sick(measured) or not bench.rebuilt:
        return 0
    adam = any(variant.optimizer for variant in variants(bench)) * (len(TUNED) - 1)
    one = _steps(bench) + 2 * judging_steps(bench)
    return (1 + len(variants(bench)) + adam) * one * len(_seeds(bench))


def is_sick(measured: Measurements) -> bool:
    """The gate: training no better than a constant by 2 standard errors, or far behind a baseline."""
    evaluation, baseline = measured.get(Evaluation), measured.get(Baseline)
    if isinstance(evaluation, Evaluation) and not isinstance(evaluation.train, Unavailable):
        for score in evaluation.train.scores:
            if not (score.beats_constant_error.low > 0 or score.beats_constant_loss.low > 0):
                return True
    if isinstance(baseline, Baseline):
        return any(output.best.skill - output.net_skill > BEHIND for output in baseline.outputs)
    return False


def _rates(measured: Measurements) -> list[Change]:
    """The sweep read as changes: every rate a third of a decade or more from the user's own."""
    sweep = measured.get(LearningRate)
    if not isinstance(sweep, LearningRate) or not sweep.own:
        return []
    rate = sweep.own
    own = min(sweep.sweep, key=lambda point: abs(log10(point.rate / rate)))
    return [_as_change(point, own) for point in sweep.sweep if abs(log10(point.rate / own.rate)) > 0.3]


def _tuned(measured: Measurements) -> tuple[float, ...]:
    """The skill at the best rate of the sweep: what the user's own optimizer reaches when it is tuned."""
    sweep = measured.get(LearningRate)
    points = sweep.sweep if isinstance(sweep, LearningRate) else ()
    return max((point.skill for point in points), key=lambda s: float(np.mean(np.nan_to_num(s, nan=-1.0))), default=())


def _as_change(point: SweepPoint, own: SweepPoint) -> Change:
    code = "learning-rate-too-low" if point.rate > own.rate else "learning-rate-too-high"
    return Change(code, f"learning rate {point.rate:.2g}", point.skill, own.skill, point.diverged)


def _own(bench: Bench, steps: int) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    rates = learning_rates(bench.subject.model.optimizer, steps)
    with own_training(bench) as trainer:
        weights = {seed: bench.weights(seed) for seed in _seeds(bench)}
        return _results(trainer, weights, rates)


def _train(bench: Bench, variant: Variant, steps: int) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    """Skill on the training rows and divergence per seed, of the best rate where a new optimizer is tried."""
    user = bench.subject.model
    model = copying.copy_model(user, bench.settings.seed, variant.layer)
    copying.compile_like(model, user)
    optimizer = variant.optimizer() if variant.optimizer else copying.new_optimizer(user.optimizer)
    if variant.loss is not None:
        model.compile(optimizer=optimizer, loss=variant.loss)
    variant.finish(model)
    train, dev = (variant.data(split) for split in bench.holdout())
    outputs = (variant.output, *bench.subject.outputs[1:]) if variant.output else bench.subject.outputs
    trainer = Trainer(bench, model, optimizer, (train, dev), outputs)
    weights = {seed: _start(bench, variant, seed) for seed in _seeds(bench)}
    if not variant.optimizer:
        return _results(trainer, weights, learning_rates(user.optimizer, steps))
    return max((_results(trainer, weights, np.full(steps, rate)) for rate in TUNED), key=_worth)


def _start(bench: Bench, variant: Variant, seed: int) -> copying.Weights:
    fresh = copying.copy_model(bench.subject.model, seed, variant.layer).get_weights()
    return fresh if variant.code == "frozen-layers" else bench.keep(fresh)


def _results(
    trainer: Trainer, weights: dict[int, copying.Weights], rates: Array
) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    skill, broken = [], []
    for seed, start in weights.items():
        trainer.begin(start, seed)
        before = trainer.judge_train()
        course = trainer.run(rates)
        after = trainer.judge_train()
        broken.append(diverged(course, before, after))
        skill.append(float("nan") if broken[-1] else after.skill)
    return tuple(skill), tuple(broken)


def _worth(result: tuple[tuple[float, ...], tuple[bool, ...]]) -> float:
    return float(np.mean(np.nan_to_num(result[0], nan=-1.0)))


def _steps(bench: Bench) -> int:
    wanted = int(np.clip(own_steps(bench) or STEPS[0], *STEPS))
    return max(100, round(wanted * bench.scale))


def _seeds(bench: Bench) -> range:
    return range(bench.settings.seed, bench.settings.seed + (SEEDS if bench.scale >= 1 else 2))
