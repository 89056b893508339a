"""Remedies for the output and its loss."""

from diagnose.reasoning.remedies.declared import AFRESH, READOUTS, TRAIN, DeclaredRemedy, rebuilt, with_heads
from diagnose.reasoning.remedies.in_place import names_its_task
from diagnose.subject import Task
from diagnose.trials.interventions import head

_CHOSEN = '        activation = "$activation" if layer is heads[0] else "linear"\n'
_NEW_HEAD = with_heads(
    rebuilt(
        "standard",
        "    if layer in heads and not layer.weights and layer.output.shape == layer.input.shape:  # an activation\n"
        "        softmax = isinstance(layer, keras.layers.Softmax)\n"
        '        return keras.layers.Softmax() if softmax else keras.layers.Activation("$activation")\n'
        f"    if layer in heads:\n{_CHOSEN}"
        '        size = "filters" if "filters" in config else "units"\n'
        '        config |= {size: $units, "activation": activation}\n',
    ),
    READOUTS,
).replace("old.loss", '"$loss"')
_NEW_LINEAR_HEAD = _NEW_HEAD.replace(_CHOSEN, "").replace('"activation": activation', '"activation": "linear"')

HEAD_UNITS = DeclaredRemedy(
    "set-output-units",
    "Give the output the number of units that the task needs: one per class, per label or per number",
    "A class without a unit cannot be predicted, and a loss over the wrong number of units measures something else.",
    _NEW_HEAD,
    "one line and one training run",
    trial=head.UNITS_OF_THE_TASK,
)
ALIGN_SHAPES = DeclaredRemedy(
    "align-shapes",
    "Give outputs and targets the same shape: one output per target (Flatten or pooling before the last layer, "
    "return_sequences=False), and targets in the shape of the outputs",
    "A loss stretches arrays of different shapes over each other and raises no error.",
    with_heads(
        "import math\n\nimport keras\n\n\n"
        "def flattened(layer):  # for one output per row\n"
        "    config = layer.get_config()\n"
        "    if layer in heads and len(layer.output.shape) > 2:\n"
        '        if "return_sequences" in config:\n'
        '            return layer.__class__.from_config(config | {"return_sequences": False})\n'
        "        return keras.Sequential([keras.layers.Flatten(), layer.__class__.from_config(config)])\n"
        "    return layer.__class__.from_config(config)\n\n\n"
        "old = model\n"
        "model = keras.models.clone_model(old, clone_function=flattened)  # fresh weights\n"
        "shape = model.output_shape[1:]\n"
        "if y_train.size == len(y_train) * math.prod(shape):  # not for class numbers\n"
        "    y_train, y_dev = y_train.reshape(-1, *shape), y_dev.reshape(-1, *shape)\n"
        f"{TRAIN}"
    ),
    "two lines and one training run",
    trial=head.ALIGNED_SHAPES,
)
SIGMOID_HEAD = DeclaredRemedy(
    "sigmoid-head",
    "Use a sigmoid output with binary cross-entropy",
    "A softmax over one unit is always 1; a sigmoid gives a probability of its own for each label.",
    _NEW_HEAD,
    "one line and one training run",
    tasks=frozenset({Task.BINARY, Task.MULTILABEL}),
    trial=head.activation_of_the_task("sigmoid"),
)
SOFTMAX_HEAD = DeclaredRemedy(
    "softmax-cross-entropy",
    "Use a softmax output with one unit per class and categorical cross-entropy (sparse for integer labels)",
    "Softmax with cross-entropy models one class of many, and its gradient does not vanish if the net is confidently "
    "wrong.",
    _NEW_HEAD,
    "one line and one training run",
    tasks=frozenset({Task.MULTICLASS}),
    trial=head.activation_of_the_task("softmax"),
)
LINEAR_HEAD = DeclaredRemedy(
    "linear-head",
    "Use a linear output, so that it can reach the targets",
    "A sigmoid is limited to 0 to 1, a tanh to -1 to 1, a ReLU to 0 and above: it cannot predict targets beyond that.",
    _NEW_LINEAR_HEAD,
    "one line and one training run",
    tasks=frozenset({Task.REGRESSION}),
    trial=head.activation_of_the_task("linear"),
)
LOGITS = DeclaredRemedy(
    "match-logits",
    "Set from_logits to match the output: True for a linear output, False for a softmax or sigmoid",
    "Otherwise the softmax or sigmoid is applied twice or not at all.",
    f"import keras\n\n{AFRESH}loss = keras.losses.$logits_loss\n" + TRAIN.replace("old.loss", "loss"),
    "one line and one training run",
    tasks=frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL}),
    trial=head.LOGITS_OF_THE_HEAD,
)
TURN_LOSS = DeclaredRemedy(
    "turn-own-loss",
    "Turn the sign of your own loss",
    "The loss is lower for wrong outputs than for right ones, and the optimizer finds them. What should be maximised "
    "(dice, R2, a log likelihood) needs a minus as a loss.",
    f"import keras\n\n{AFRESH}own = keras.losses.get(old.loss)\n\n\n"
    "def turned(y_true, y_pred):\n    return -own(y_true, y_pred)\n\n\n" + TRAIN.replace("old.loss", "turned"),
    "one line and one training run",
    trial=head.OWN_LOSS_TURNED,
    own_code=True,
)
MEND_LOSS = DeclaredRemedy(
    "mend-own-loss",
    "Turn round the sign, or the meaning of the labels, in your own loss, and give it a margin that keeps rows apart",
    "The loss is lower for outputs that nobody wants, and the optimizer finds them. A loss that compares rows must be "
    "lower if rows of one label lie together and others apart.",
    "import keras\nimport numpy as np\n\n"
    "loss, labels = keras.losses.get(model.loss), np.unique(y_train, return_inverse=True)[1].reshape(-1)\n"
    'points = np.eye(labels.max() + 1, dtype="float32")[labels]  # one for each label\n'
    "print(np.mean(loss(labels, points)), np.mean(loss(labels, np.random.permutation(points))))  # the first is lower",
    "one line and one training run",
    in_place=names_its_task,
)
MATCH_LOSS = DeclaredRemedy(
    "match-loss",
    "Choose the loss that fits the task and the output",
    "Regression: linear and MSE. Two classes: sigmoid and binary cross-entropy. More classes: softmax and categorical "
    "cross-entropy. Several labels: sigmoid and binary cross-entropy.",
    f"import keras\n\n{AFRESH}" + TRAIN.replace("old.loss", '"$loss"'),
    "one line and one training run",
    trial=head.LOSS_OF_THE_TASK,
)
