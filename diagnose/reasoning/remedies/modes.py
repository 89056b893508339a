"""Remedies for layers that normalise with moving statistics."""

from __future__ import annotations

from dataclasses import replace

from diagnose.checks.reading.lag import GAIN, lag_of
from diagnose.diagnosis import Effect
from diagnose.findings import Interval
from diagnose.measurements import (
    Baseline,
    Conversions,
    Evaluation,
    LearningRate,
    Measurements,
    Modes,
    ModeScores,
    Repaired,
    SplitScores,
    Unavailable,
)
from diagnose.reasoning.remedies import in_place
from diagnose.reasoning.remedies.declared import TRAIN, DeclaredRemedy, rebuilt
from diagnose.subject import Task
from diagnose.trials.interventions import layers

WHAT = "re-estimated moving statistics"
NOT_SCORED = Unavailable("it was not scored with re-estimated statistics", "Evaluate it once they are re-estimated.")


def _refreshed(measured: Measurements) -> tuple[Effect, ...]:
    """The skill on train and the error on dev with re-estimated statistics, of the output whose skill gains most."""
    modes = measured.get(Modes)
    if not isinstance(modes, Modes) or not isinstance(modes.train, ModeScores):
        return ()
    baseline, conversions, rates = (measured.get(kind) for kind in (Baseline, Conversions, LearningRate))
    lag = lag_of(
        modes,
        baseline if isinstance(baseline, Baseline) else None,
        conversions if isinstance(conversions, Conversions) else None,
        rates if isinstance(rates, LearningRate) else None,
    )
    if lag is None or lag.mode != "refreshed":
        return ()
    on_train = Effect(
        code="",
        what=WHAT,
        before=max(lag.moving.skill, 0.0),
        after=max(lag.better.skill, 0.0),
        interval=lag.interval if lag.moving.skill >= 0 else None,
        direction="sufficient",
        seeds=1,
        remedy="refresh-statistics",
        restores=lag.cured,
        threshold=GAIN,
        control="the moving statistics of the file",
    )
    on_dev = _on_dev(modes.dev, lag.moving.output, on_train) if isinstance(modes.dev, ModeScores) else None
    return (on_train,) if on_dev is None else (on_train, on_dev)


def _on_dev(dev: ModeScores, output: str, on_train: Effect) -> Effect | None:
    """The same on the dev rows; None where an error of many positions tells little, or a loss is the user's own."""
    from diagnose.trials.dev_error import METRICS, helps, in_units

    place = [score.output for score in dev.moving].index(output)
    moving, better, gain = dev.moving[place], dev.refreshed[place], dev.refreshed_gain[place]
    if moving.positions is not None or moving.task is Task.OWN_LOSS:
        return None
    level = moving.error if moving.task.classifies else moving.error**2
    change = Interval(-gain.high, -gain.low, gain.level)
    return replace(
        on_train,
        before=moving.error,
        after=better.error,
        interval=in_units(moving.task, level, change),
        restores=None,
        threshold=None,
        output=output if len(dev.moving) > 1 else "",
        metric=METRICS.get(moving.task, "dev error"),
        helps=helps(change, level),
    )


def _scored(measured: Measurements) -> Repaired | None:
    """The model with re-estimated statistics, on train and on dev."""
    modes, evaluated = measured.get(Modes), measured.get(Evaluation)
    if not isinstance(modes, Modes) or not isinstance(evaluated, Evaluation):
        return None
    train, dev = (_split(*each) for each in ((evaluated.train, modes.train), (evaluated.dev, modes.dev)))
    return Repaired(WHAT, 0, Evaluation(train, dev, NOT_SCORED, NOT_SCORED)) if train and dev else None


def _split(old: SplitScores | Unavailable, new: ModeScores | Unavailable) -> SplitScores | None:
    """The scores of a split with re-estimated statistics, on the rows that were scored so."""
    if isinstance(old, Unavailable) or isinstance(new, Unavailable):
        return None
    sampled = old.sampled or new.rows < old.rows
    return SplitScores(old.split, old.seen, new.rows, new.refreshed, population=old.population, sampled=sampled)


NORMALISATIONS = (
    "def normalisations(part):\n"
    "    if isinstance(part, keras.layers.BatchNormalization):\n"
    "        return [part]\n"
    '    return [norm for layer in getattr(part, "layers", []) for norm in normalisations(layer)]\n\n\n'
)
RE_ESTIMATE = (
    "norms = normalisations(model)\n"
    "momenta = [norm.momentum for norm in norms]\n"
    "order = np.random.default_rng(0).permutation(len(x_train))\n"
    "for done, start in enumerate(range(0, min(len(order), 100 * $batch_size), $batch_size)):\n"
    "    for norm in norms:\n"
    "        norm.momentum = done / (done + 1)  # so the moving average is the mean over all batches\n"
    "    model(x_train[order[start : start + $batch_size]], training=True)\n"
    "for norm, momentum in zip(norms, momenta):\n"
    "    norm.momentum = momentum"
)
REFRESH_STATISTICS = DeclaredRemedy(
    "refresh-statistics",
    "Re-estimate the moving statistics on the training rows; no weight changes",
    "In training a layer normalises with the statistics of its batch, in evaluate with moving averages that may not"
    " have caught up.",
    f"import keras\nimport numpy as np\n\n\n{NORMALISATIONS}{RE_ESTIMATE}",
    "a few lines, seconds",
    measured=_refreshed,
    scored=_scored,
)
LOWER_MOMENTUM = DeclaredRemedy(
    "lower-momentum",
    f"Lower the momentum of BatchNormalization to {layers.QUICK:g} and train again",
    "With momentum 0.99 the moving averages follow over hundreds of steps, with 0.9 over tens.",
    rebuilt(
        "quicker",
        "    if isinstance(layer, keras.layers.BatchNormalization):\n"
        f'        config["momentum"] = min(config["momentum"], {layers.QUICK:g})\n'.replace("'", '"'),
    ),
    "one line a layer and one training run",
    trial=layers.QUICK_STATISTICS,
)
BATCH_FREE = DeclaredRemedy(
    "normalise-without-batch",
    "Use larger batches, or LayerNormalization or GroupNormalization in place of BatchNormalization",
    "The statistics of a small batch are noise; LayerNormalization and GroupNormalization use those of the row itself,"
    " in training and afterwards.",
    "import keras\n\n\n"
    "def batch_free(layer):\n"
    "    if isinstance(layer, keras.layers.BatchNormalization):\n"
    "        return keras.layers.LayerNormalization(axis=layer.axis, name=layer.name)\n"
    "    return layer.__class__.from_config(layer.get_config())\n\n\n"
    "old = model\nmodel = keras.models.clone_model(old, clone_function=batch_free)  # fresh weights\n"
    f"{TRAIN}",
    "one line a layer and one training run",
)
KEEP_BASE_STATISTICS = DeclaredRemedy(
    "base-in-inference-mode",
    "Where a pretrained base is fine-tuned, freeze its BatchNormalization layers",
    "A frozen BatchNormalization layer keeps the statistics that belong to its weights, in training too.",
    "import keras\n\n"
    "old = model\n"
    "for base in old.layers:\n"
    "    if isinstance(base, keras.Model):  # the pretrained part; build it in with base(x, training=False)\n"
    "        for layer in base.layers:\n"
    "            if isinstance(layer, keras.layers.BatchNormalization):\n"
    "                layer.trainable = False\n"
    f"{TRAIN}",
    "a few lines and one training run",
    in_place=in_place.no_base,
)
