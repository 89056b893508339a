"""What is wrong with the output and its loss: one winner, in this order."""

from diagnose.checks.network.logits_mismatch import logits_mismatch
from diagnose.checks.network.loss_choice import loss_choice
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
        "The output cannot hold one score per class.",
        Role.FACT,
        {output_units: 3.0},
        (head.HEAD_UNITS,),
        family="head",
        explains=("plateau",),
        confirmed_by=(head.HEAD_UNITS,),
    ),
    DeclaredCause(
        "single-unit-softmax",
        "A softmax over a single unit",
        "Softmax over one unit always answers 1.",
        Role.FACT,
        {single_unit_softmax: 3.0},
        (head.SIGMOID_HEAD, head.SOFTMAX_HEAD),
        family="head",
        explains=("plateau", "cut-gradient", "vanishing-gradients"),
        confirmed_by=(head.SIGMOID_HEAD, head.SOFTMAX_HEAD),
    ),
    DeclaredCause(
        "softmax-on-multilabel",
        "A softmax where several labels may hold at once",
        "Softmax makes the labels compete: they share one probability of 1.",
        Role.FACT,
        {softmax_on_multilabel: 3.0},
        (head.SIGMOID_HEAD,),
        family="head",
        confirmed_by=(head.SIGMOID_HEAD,),
    ),
    DeclaredCause(
        "output-range-mismatch",
        "The output cannot reach the targets",
        "The last activation cannot produce the values that the targets have.",
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
        "The loss takes probabilities for logits, or logits for probabilities.",
        Role.FACT,
        {logits_mismatch: 3.0},
        (head.LOGITS, head.SOFTMAX_HEAD),
        family="head",
        explains=("plateau", "bad-initialization", "learning-rate-too-low"),
        confirmed_by=(head.LOGITS,),
    ),
    DeclaredCause(
        "wrong-loss",
        "The loss does not belong to the task or the output",
        "What the loss rewards is not what the task asks for.",
        Role.FACT,
        {loss_choice: 2.5},
        (head.MATCH_LOSS,),
        family="head",
        explains=("plateau",),
        confirmed_by=(head.MATCH_LOSS,),
    ),
)
