"""Remedies for the output and its loss."""

from diagnose.reasoning.remedies.declared import COMPILE, DeclaredRemedy, rebuilt, with_heads
from diagnose.subject import Task
from diagnose.trials.interventions import head

_NEW_HEAD = with_heads(
    rebuilt(
        "standard",
        '    if layer in heads:\n        config |= {"units": $units, "activation": "$activation"}\n',
    )
).replace("old.loss", '"$loss"')

HEAD_UNITS = DeclaredRemedy(
    "set-output-units",
    "Give the output the units that the task asks for: one per class, per label or per number",
    "A class without a unit cannot be predicted, and a loss over the wrong number of units means something else.",
    _NEW_HEAD,
    "one line and one training run",
    trial=head.UNITS_OF_THE_TASK,
)
SIGMOID_HEAD = DeclaredRemedy(
    "sigmoid-head",
    "End in a sigmoid under binary cross-entropy",
    "A softmax over one unit is always 1; a sigmoid is a probability of its own, for one label or for each of several.",
    _NEW_HEAD,
    "one line and one training run",
    tasks=frozenset({Task.BINARY, Task.MULTILABEL}),
    trial=head.activation_of_the_task("sigmoid"),
)
SOFTMAX_HEAD = DeclaredRemedy(
    "softmax-cross-entropy",
    "End in a softmax with one unit per class, under categorical cross-entropy (sparse for integer labels)",
    "Softmax with cross-entropy is the likelihood of one class of many; its gradient does not die where the net is "
    "confidently wrong.",
    _NEW_HEAD,
    "one line and one training run",
    tasks=frozenset({Task.MULTICLASS}),
    trial=head.activation_of_the_task("softmax"),
)
LINEAR_HEAD = DeclaredRemedy(
    "linear-head",
    "Let the output reach the targets: a linear head",
    "A sigmoid ends at 1, a tanh at -1 and 1, a ReLU at 0: targets beyond can never be predicted.",
    _NEW_HEAD,
    "one line and one training run",
    tasks=frozenset({Task.REGRESSION}),
    trial=head.activation_of_the_task("linear"),
)
LOGITS = DeclaredRemedy(
    "match-logits",
    "Let the loss know whether it gets logits: from_logits=True for a linear output, False for a softmax or sigmoid",
    "Logits read as probabilities, or probabilities read as logits, are squashed twice or not at all.",
    "import keras\n\n"
    "old = model\n"
    "model = keras.models.clone_model(old)  # fresh weights\n"
    "loss = keras.losses.$logits_loss\n"
    "model.compile(optimizer=$optimizer, loss=loss$metrics)",
    "one line and one training run",
    tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL}),
    trial=head.LOGITS_OF_THE_HEAD,
)
MATCH_LOSS = DeclaredRemedy(
    "match-loss",
    "Choose the loss that belongs to the task and the output",
    "Number: linear and MSE. One of two: sigmoid and binary cross-entropy. One of many: softmax and categorical "
    "cross-entropy. Several of many: sigmoid and binary cross-entropy.",
    "import keras\n\n"
    "model = keras.models.clone_model(model)  # fresh weights\n" + COMPILE.replace("old.loss", '"$loss"'),
    "one line and one training run",
    trial=head.LOSS_OF_THE_TASK,
)
