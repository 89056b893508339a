"""Causes in the output and its loss: only one wins; of equally strong ones, the first."""

from diagnose.checks.network.broadcast_loss import broadcast_loss
from diagnose.checks.network.logits_mismatch import logits_mismatch
from diagnose.checks.network.loss_choice import loss_choice
from diagnose.checks.network.loss_rewards import loss_rewards
from diagnose.checks.network.output_range import output_range
from diagnose.checks.network.output_units import output_units
from diagnose.checks.network.single_unit_softmax import single_unit_softmax
from diagnose.checks.network.softmax_on_multilabel import softmax_on_multilabel
from diagnose.reasoning.causes.declared import DeclaredCause, Role
from diagnose.reasoning.remedies import head

HEAD: tuple[DeclaredCause, ...] = (
    DeclaredCause(
        "wrong-output-units",
        "The output has the wrong number of units",
        "The number of units does not match the classes or the values of the target.",
        Role.FACT,
        {output_units: 3.0},
        (head.HEAD_UNITS,),
        family="head",
        explains=("plateau",),
        confirmed_by=(head.HEAD_UNITS,),
    ),
    DeclaredCause(
        "broadcast-loss",
        "The loss broadcasts targets against outputs of another shape",
        "The loss stretches one shape over the other, so outputs are compared with targets that are not theirs.",
        Role.FACT,
        {broadcast_loss: 3.0},
        (head.ALIGN_SHAPES,),
        family="head",
        explains=("plateau",),
        confirmed_by=(head.ALIGN_SHAPES,),
    ),
    DeclaredCause(
        "single-unit-softmax",
        "The output is a softmax over a single unit",
        "A softmax over one unit is always 1.",
        Role.FACT,
        {single_unit_softmax: 3.0},
        (head.SIGMOID_HEAD, head.SOFTMAX_HEAD),
        family="head",
        explains=("plateau", "cut-gradient", "vanishing-gradients"),
        confirmed_by=(head.SIGMOID_HEAD, head.SOFTMAX_HEAD),
    ),
    DeclaredCause(
        "softmax-on-multilabel",
        "The output is a softmax, but the targets are multi-label",
        "A softmax makes the labels compete: their probabilities sum to 1.",
        Role.FACT,
        {softmax_on_multilabel: 3.0},
        (head.SIGMOID_HEAD,),
        family="head",
        confirmed_by=(head.SIGMOID_HEAD,),
    ),
    DeclaredCause(
        "output-range-mismatch",
        "The output cannot reach the targets",
        "The last activation cannot produce the values of the targets.",
        Role.FACT,
        {output_range: 3.0},
        (head.LINEAR_HEAD, head.SOFTMAX_HEAD, head.SIGMOID_HEAD),
        family="head",
        explains=("plateau", "targets-not-scaled", "dead-units", "cut-gradient"),
        confirmed_by=(
            head.LINEAR_HEAD,
            head.SOFTMAX_HEAD,
            head.SIGMOID_HEAD,
        ),
    ),
    DeclaredCause(
        "logits-mismatch",
        "The loss and the output disagree about logits",
        "The loss treats probabilities as logits, or logits as probabilities.",
        Role.FACT,
        {logits_mismatch: 3.0},
        (head.LOGITS, head.SOFTMAX_HEAD),
        family="head",
        explains=("plateau", "bad-initialization", "learning-rate-too-low"),
        confirmed_by=(head.LOGITS,),
    ),
    DeclaredCause(
        "wrong-loss",
        "The loss does not fit the task or the output",
        "The loss does not measure what the task asks for.",
        Role.FACT,
        {loss_choice: 2.5, loss_rewards: 2.5},
        (head.TURN_LOSS, head.MATCH_LOSS, head.MEND_LOSS),
        family="head",
        explains=("plateau", "non-finite-training"),
        confirmed_by=(head.TURN_LOSS, head.MATCH_LOSS),
    ),
)
