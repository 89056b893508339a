"""Remedies that are not worth advising: the model already is what they would make of it."""

from collections.abc import Iterable
from dataclasses import replace
from math import prod

import numpy as np

from diagnose.measurements import Backward, LearningRate, Measurements
from diagnose.reasoning.remedies import REMEDIES, DeclaredRemedy
from diagnose.subject import Split, Subject
from diagnose.trials.plan import DoesNotApply, TrainingPlan

ROWS = 1_000  # that are read to see whether they are scaled or balanced
CELLS = 1_000_000  # numbers of these, at most


def needless(subject: Subject, measured: Measurements, remedies: Iterable[DeclaredRemedy] = REMEDIES) -> frozenset[str]:
    """The codes of the remedies that would change nothing; nothing is built or trained for it."""
    if subject.model is None:
        return frozenset()
    from diagnose.measuring.state import same_names

    plan = _plan(subject, measured)
    with same_names():  # a schedule counts as a new object for Keras
        return frozenset(remedy.code for remedy in remedies if _changes_nothing(remedy, plan, measured))


def _changes_nothing(remedy: DeclaredRemedy, plan: TrainingPlan, measured: Measurements) -> bool:
    try:
        if remedy.in_place is not None and remedy.in_place(plan, measured):
            return True
        intervention = remedy.trial or remedy.option
        changed = intervention.change(plan) if intervention is not None else None
    except Exception:  # noqa: BLE001 - a layer of the user's own may lack what every other layer has
        return False
    return isinstance(changed, DoesNotApply) and changed.needless


def _plan(subject: Subject, measured: Measurements) -> TrainingPlan:
    """The user's own training, to see what a change would do to it."""
    sweep, backward = measured.get(LearningRate), measured.get(Backward)
    rate = subject.training.learning_rate
    return TrainingPlan(
        model=subject.model,
        outputs=subject.outputs,
        train=_few(subject.train),
        dev=_few(subject.dev or subject.train),
        optimizer=getattr(subject.model, "optimizer", None),
        rates=(np.array([np.nan if rate is None else rate]),),
        batch_size=subject.training.batch_size or 0,
        steps=1,
        seeds=(),
        usable_rate=sweep.usable if isinstance(sweep, LearningRate) else None,
        gradient_norms=backward.norms_by_output if isinstance(backward, Backward) else (),
    )


def _few(split: Split) -> Split:
    """Rows spread evenly over the split."""
    cells = max(prod(rows.shape[1:]) for rows in (*split.inputs, *split.targets))
    every = slice(None, None, max(1, -(-split.rows // max(1, min(ROWS, CELLS // max(cells, 1))))))
    weights = None if split.sample_weight is None else split.sample_weight[every]
    inputs, targets = (tuple(rows[every] for rows in several) for several in (split.inputs, split.targets))
    return replace(split, inputs=inputs, targets=targets, sample_weight=weights, groups=None, times=None)
