"""Interventions on the optimizer and its learning rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from diagnose.checks.reading.rates import beyond
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan, rate_text

if TYPE_CHECKING:
    from diagnose.measurements import Array

ADAPTIVE = frozenset({"adam", "adamw", "nadam", "adamax", "lion", "rmsprop"})
ADAPTIVE_DEFAULT = frozenset({"Adam", "AdamW", "Nadam"})  # Keras's classes that do what Adam does
ADAM_RATES = (1e-3, 1e-2, 1e-4)  # optimizers are compared at tuned rates only; a single rate would not be fair
_NOT_COMPARED = ("name", "learning_rate")
MOMENTUM = 0.9
WARM = 10  # part of a training over which the rate rises: a tenth
CYCLES = 3  # falls of a rate with restarts, each twice as long as the one before; rises and falls of a triangle
LOWEST = 4  # times below the highest rate of a triangle
FEWER, SMALLEST_BATCH = 4, 8  # times fewer rows in a batch, and the fewest
LONGER = 2  # times as many steps
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
LIMIT = 1.0  # of the norm of the gradient
TIMES = 10.0  # by which a rate is lowered or raised where none is known that works
APART = 2.0  # rates within this factor count as the same


def _lower(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _at_usable_rate(plan, "lower", lambda usable, own: usable * APART <= own)


def _raised(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _at_usable_rate(plan, "higher", lambda usable, own: usable >= own * APART)


def level_of(rates: Array) -> float:
    """The learning rate of a training, [steps], as one number: the highest one, or the mean if a schedule is over too
    soon.
    """
    return float(rates.mean() if falls_too_soon(rates) else rates.max())


def falls_too_soon(rates: Array) -> bool:
    """Whether a schedule [steps] is so low for so long that its mean is far below its highest rate, as the check of
    schedules has it.
    """
    return beyond(float(rates.max()), float(rates.mean()))


def _has_schedule(rates: Array) -> bool:
    """Whether the rates follow a schedule that may be kept."""
    return bool(rates.min() < rates.max()) and not falls_too_soon(rates)


def _at_usable_rate(plan: TrainingPlan, word: str, differs: Any) -> TrainingPlan | DoesNotApply:
    import numpy as np

    if plan.usable_rate is None:
        return DoesNotApply("the learning-rate sweep found no rate that works and suits this optimizer")
    if not differs(plan.usable_rate, level_of(plan.rates[0])):
        return DoesNotApply(f"no {word} rate works better", needless=True)
    rates = (np.full(plan.steps, plan.usable_rate),)
    return plan.changed(f"learning rate {rate_text(plan.usable_rate)}", rates=rates, rate_name=f"{word}_rate")


def _adam(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras
    import numpy as np

    if adapts(plan.optimizer):
        return DoesNotApply("the optimizer is already an adaptive one")
    if plan.best_rate is None:
        return DoesNotApply("there is no learning-rate sweep, so Adam could only be compared with an untuned optimizer")
    rates = tuple(np.full(plan.steps, rate) for rate in ADAM_RATES)
    adam = keras.optimizers.Adam(ADAM_RATES[0])
    return plan.changed("Adam", optimizer=adam, rates=rates, rate_name="adam_rate")


def with_settings(plan: TrainingPlan, what: str, **settings: Any) -> TrainingPlan | DoesNotApply:
    """The plan with other settings of the user's optimizer; `what` is the change as a noun phrase."""
    optimizer = plan.optimizer
    if hasattr(optimizer, "inner_optimizer"):
        return DoesNotApply("the optimizer scales the loss, and its settings cannot be changed from outside")
    return plan.changed(what, optimizer=type(optimizer).from_config({**optimizer.get_config(), **settings}))


def _momentum(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    if getattr(plan.optimizer, "momentum", MOMENTUM) or adapts(plan.optimizer):
        return DoesNotApply("the optimizer already has momentum, or adapts its steps", needless=True)
    return with_settings(plan, f"momentum {MOMENTUM:g}", momentum=MOMENTUM)


def _annealed(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _scheduled(plan, "a learning rate that rises and then falls to zero", warmed_and_falling)


def _restarted(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    if plan.steps < 2**CYCLES:
        return DoesNotApply(f"a training of {plan.steps} steps is too short for {CYCLES} falls of the rate")
    return _scheduled(plan, f"a learning rate that falls to zero {CYCLES} times", falling_again)


def _cyclical(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    if plan.steps < 4 * CYCLES:
        return DoesNotApply(f"a training of {plan.steps} steps is too short for {CYCLES} rises and falls of the rate")
    return _scheduled(plan, f"a learning rate that rises and falls {CYCLES} times", triangular)


def _scheduled(plan: TrainingPlan, what: str, schedule_of: Callable[[float, int], Any]) -> TrainingPlan | DoesNotApply:
    """The plan with a schedule for the user's rate at its peak and the number of steps."""
    import numpy as np

    own = plan.rates[0]
    if _has_schedule(own):
        return DoesNotApply("the learning rate already has a schedule", needless=True)
    schedule = schedule_of(float(own.max()), plan.steps)
    rates = np.array([float(schedule(step)) for step in range(plan.steps)])
    return plan.changed(what, rates=(rates,))


def _warmed(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import numpy as np

    if _has_schedule(plan.rates[0]):
        return DoesNotApply("the learning rate has a schedule of its own")
    peak = plan.usable_rate or usual_rate(plan.optimizer)
    schedule = warmed_and_falling(peak, plan.steps)
    rates = np.array([float(schedule(step)) for step in range(plan.steps)])
    return plan.changed(f"a learning rate that rises to {rate_text(peak)} and then falls", rates=(rates,))


def _one_cycle(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    if plan.usable_rate is None:
        return DoesNotApply("no rate is known that works better")
    if 1 / APART < level_of(plan.rates[0]) / plan.usable_rate < APART:
        return DoesNotApply("the learning rate is about the best one already")
    return _warmed(plan)


def _clipped(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import numpy as np

    inner = getattr(plan.optimizer, "inner_optimizer", plan.optimizer)
    limits = [getattr(inner, name, None) for name in CLIPPING]
    if any(limit is not None and limit <= LIMIT for limit in limits):
        return DoesNotApply("the optimizer clips gradients already", needless=True)
    own = float(plan.rates[0].max())
    usable = plan.usable_rate
    rate = usable if usable is not None and usable * APART <= own else own / TIMES
    settings = dict.fromkeys(CLIPPING) | {"global_clipnorm": LIMIT}
    changed = with_settings(plan, f"gradients clipped at {LIMIT:g} and learning rate {rate_text(rate)}", **settings)
    if isinstance(changed, DoesNotApply):
        return changed
    return replace(changed, rates=(np.full(plan.steps, rate),), rate_name="lower_rate")


def warmed_and_falling(peak: float, steps: int) -> Any:
    """The schedule that rises to `peak` over a tenth of the steps, then falls to zero by a cosine."""
    import keras

    warm = max(1, steps // WARM)
    falling = max(1, steps - warm)
    return keras.optimizers.schedules.CosineDecay(0.0, falling, warmup_target=peak, warmup_steps=warm)


def falling_again(peak: float, steps: int) -> Any:
    """The schedule that falls from `peak` to zero by a cosine and starts again, each time over twice as many steps.

    The last fall ends with the training (Loshchilov and Hutter 2017, arXiv:1608.03983).
    """
    import keras

    return keras.optimizers.schedules.CosineDecayRestarts(peak, -(-steps // (2**CYCLES - 1)))


def triangular(peak: float, steps: int) -> Callable[[int], float]:
    """The schedule that rises in a straight line from a quarter of `peak` to it, and falls back (Smith 2017)."""
    half, low = -(-steps // (2 * CYCLES)), peak / LOWEST
    return lambda step: peak - (peak - low) * abs(step / half % 2 - 1)


def _smaller_batches(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import numpy as np

    size = smaller_batch(plan.batch_size)
    times = plan.batch_size // size
    if times < 2:
        return DoesNotApply(f"the batches have about {SMALLEST_BATCH} rows, or fewer", needless=plan.batch_size > 0)
    rates = tuple(np.repeat(rates, times) for rates in plan.rates)
    return plan.changed(f"batches of {size} rows", batch_size=size, steps=times * plan.steps, rates=rates)


def _longer(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import numpy as np

    rates = tuple(np.repeat(rates, LONGER) for rates in plan.rates)
    return plan.changed(f"{LONGER} times the steps", steps=LONGER * plan.steps, rates=rates)


def smaller_batch(size: int) -> int:
    """A quarter of the rows of a batch, within what is usual."""
    return max(size // FEWER, SMALLEST_BATCH)


def _tuned(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    """The user's optimizer at the best rate of the sweep."""
    import numpy as np

    if plan.best_rate is None:
        return DoesNotApply("there is no learning-rate sweep")
    what = f"{type(plan.optimizer).__name__} at learning rate {plan.best_rate:.2g}"
    return replace(plan, rates=(np.full(plan.steps, plan.best_rate),), changes=(what,))


def adapts(optimizer: Any) -> bool:
    """Whether the steps of an optimizer do not depend on the size of the gradient."""
    from diagnose.measuring.learning_rate import kind_of

    return kind_of(optimizer) in ADAPTIVE


def own_settings(optimizer: Any) -> dict[str, Any]:
    """Return the settings other than the learning rate that differ from the defaults of a Keras optimizer."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    config = optimizer.get_config()
    usual = type(optimizer)(name=config["name"]).get_config()  # without a name Keras would make up a numbered one
    return {key: value for key, value in config.items() if value != usual.get(key) and key not in _NOT_COMPARED}


def usual_rate(optimizer: Any) -> float:
    """Return the usual learning rate of an optimizer."""
    from diagnose.measuring import learning_rate

    return learning_rate.usual_rate(optimizer)


def rates_after_scaling(plan: TrainingPlan) -> tuple[Any, ...]:
    """Return candidate rates for scaled targets: the user's own, and the usual ones if they suit the scale of the loss.

    The rate at which plain SGD does not diverge falls with the square of the targets' scale, so the user's own may be
    far too low once they are scaled.
    """
    import numpy as np

    usual = usual_rate(plan.optimizer)
    own = float(plan.rates[0].max())
    others = () if adapts(plan.optimizer) else tuple(rate for rate in (usual, 10 * usual) if rate > own * APART)
    return (*plan.rates, *(np.full(plan.steps, rate) for rate in others))


LOWER_RATE = Intervention("Lowers the learning rate to the middle of the rates that work.", _lower)
RAISE_RATE = Intervention("Raises the learning rate to the middle of the rates that work.", _raised)
WARM_UP = Intervention(
    "Lets the learning rate rise to the middle of the rates that work, and then fall to zero by a cosine.",
    _warmed,
)
CLIP = Intervention(f"Clips the norm of the gradient at {LIMIT:g}, and lowers the learning rate.", _clipped)
ANNEAL = Intervention(
    "Lets the learning rate rise to your own over a tenth of the training, and then fall to zero by a cosine.",
    _annealed,
)
ONE_CYCLE = Intervention(
    "Lets the learning rate rise to one that works better and then fall to zero, where yours is far from it.",
    _one_cycle,
)
RESTARTS = Intervention(
    f"Lets your learning rate fall to zero {CYCLES} times, each time over twice as many steps.", _restarted
)
TRIANGLES = Intervention(f"Lets your learning rate rise from a quarter of it and fall back, {CYCLES} times.", _cyclical)
MOMENTUM_ADDED = Intervention(f"Gives an optimizer without momentum one of {MOMENTUM:g}.", _momentum)
SMALLER_BATCHES = Intervention(
    f"Trains as many epochs with batches of 1/{FEWER} of the rows, at the same learning rate.", _smaller_batches
)
MORE_STEPS = Intervention(
    f"Trains {LONGER} times as long, over the same course of the learning rate, from fresh weights.", _longer
)
ADAM = Intervention(
    "Trains with Adam at the best of three learning rates, against your optimizer at its best rate.",
    _adam,
    _tuned,
)
