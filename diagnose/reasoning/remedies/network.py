"""Remedies that change the layers."""

from diagnose.reasoning.remedies.declared import (
    AFRESH,
    COMPILE,
    READOUTS,
    TRAIN,
    DeclaredRemedy,
    fit,
    rebuilt,
    with_heads,
    yearning,
)
from diagnose.trials.interventions import layers, structure

# Whether a layer is a Dense layer or a convolution, by its config.
_MIXES = '    mixes = {"kernel_initializer", "activation"} <= config.keys() and "recurrent_initializer" not in config\n'

INITIALISE = DeclaredRemedy(
    "initialise",
    "Initialise with He (ReLU family) or Glorot (tanh, sigmoid) and train again",
    "The scale of the initial weights decides whether signals and gradients keep their size from layer to layer.",
    rebuilt(
        "he",
        f"{_MIXES}    if mixes:\n"
        '        config |= {"kernel_initializer": "he_normal", "bias_initializer": "zeros"}\n',
    ),
    "one line a layer and one training run",
    trial=layers.HE,
)
ADD_ACTIVATIONS = DeclaredRemedy(
    "add-activations",
    "Put a ReLU after every hidden layer",
    "Layers without a non-linearity between them collapse into one linear layer.",
    with_heads(
        rebuilt(
            "relu",
            f'{_MIXES}    if mixes and layer not in heads and config["activation"] == "linear":\n'
            '        config["activation"] = "relu"\n',
        )
    ),
    "one line a layer and one training run",
    trial=layers.ACTIVATIONS,
)
AFTER_HIDDEN = (
    "    between = round((layer.kernel.shape[0] * layer.units) ** 0.5)  # as many as inputs, times as many as outputs\n"
    f'    hidden = keras.layers.Dense(min(max(between, {structure.WIDE}), {structure.WIDEST}), "relu")\n'
    "    return keras.Sequential([hidden, copy], name=layer.name)"
)
ADD_HIDDEN = DeclaredRemedy(
    "add-hidden-layer",
    "Add a hidden layer with ReLU",
    "Without a hidden layer the net is a linear model, and cannot learn what is not linear in its inputs.",
    f"import keras\n\n{READOUTS}\n\n"
    "def with_hidden(layer):\n"
    "    copy = layer.__class__.from_config(layer.get_config())\n"
    "    if layer not in heads or not layer.weights:\n"
    "        return copy\n"
    f"{AFTER_HIDDEN}\n\n\n"
    "old = model\nmodel = keras.models.clone_model(old, clone_function=with_hidden)  # fresh weights\n"
    f"{TRAIN}",
    "a few lines and one training run",
    (yearning("bigger-network", "chapters 23 and 25"),),
    trial=structure.FIRST_HIDDEN,
)
RELU = DeclaredRemedy(
    "relu-instead",
    "Use ReLU with He initialisation in the hidden layers",
    "A sigmoid passes at most a quarter of the gradient; an active ReLU passes all of it.",
    with_heads(
        rebuilt(
            "relu",
            f"    saturating = {{{', '.join(repr(name) for name in sorted(layers.SATURATING))}}}\n".replace("'", '"')
            + f'{_MIXES}    if mixes and layer not in heads and config["activation"] in saturating:\n'
            '        config |= {"activation": "relu", "kernel_initializer": "he_normal"}\n',
        )
    ),
    "one line a layer and one training run",
    trial=layers.RELU,
)


def _behind_embedding(name: str, following: str) -> str:
    """A snippet that lets another layer follow the embeddings: `following`, code that makes it from `layer`."""
    return (
        f"import keras\n\n\ndef {name}(layer):\n"
        "    copy = layer.__class__.from_config(layer.get_config())\n"
        "    if not isinstance(layer, keras.layers.Embedding):\n"
        "        return copy\n"
        f"    following = {following}\n"
        "    return keras.Sequential([copy, following], name=layer.name)\n\n\n"
        f"old = model\nmodel = keras.models.clone_model(old, clone_function={name})  # fresh weights\n{TRAIN}"
    )


POSITIONS = DeclaredRemedy(
    "add-positions",
    "Add positions to the embedded tokens, and train again",
    "Attention gives the same result for every order of the tokens, unless each carries its position.",
    _behind_embedding(
        "with_positions",
        "keras.layers.EinsumDense(  # a bias for every step; the kernel begins as the identity\n"
        '        "btd,de->bte", layer.output.shape[1:], bias_axes="te",\n'
        '        kernel_initializer="identity", bias_initializer="uniform",\n'
        "    )",
    ),
    "a few lines and one training run",
    (yearning("change-architecture", "chapter 25"),),
    trial=structure.POSITIONS,
)
READ_IN_ORDER = DeclaredRemedy(
    "read-in-order",
    "Put a recurrent layer behind the embedding, and train again",
    "An average over the steps is the same for every order of the tokens; a recurrent layer reads them in turn.",
    _behind_embedding("read_in_order", "keras.layers.GRU(layer.output_dim, return_sequences=True)"),
    "a few lines and one training run",
    (yearning("change-architecture", "chapter 25"),),
    trial=structure.IN_ORDER,
)
SHALLOWER = DeclaredRemedy(
    "shallower-or-residual",
    f"Remove hidden layers until {layers.SHALLOW} of one width are left; go deeper again only with skip connections",
    "In a deep plain stack the signal has to pass every layer; fewer layers, or skip connections, let it through.",
    "import keras\n\n"
    "old = model\n"
    'hidden = [layer for layer in old.layers[:-1] if hasattr(layer, "kernel")]\n'
    f"surplus = [layer for layer in hidden[{layers.SHALLOW}:] if layer.input.shape == layer.output.shape]\n\n\n"
    "def without(layer):\n"
    "    if layer in surplus:\n"
    "        return keras.layers.Identity(name=layer.name)\n"
    "    return layer.__class__.from_config(layer.get_config())\n\n\n"
    "model = keras.models.clone_model(old, clone_function=without)  # fresh weights\n"
    f"{TRAIN}",
    "a few lines and one training run",
    (yearning("change the architecture", "chapters 25 and 27"),),
    trial=layers.SHALLOWER,
)
REVIVE = DeclaredRemedy(
    "revive-units",
    "Start again from fresh weights with a lower learning rate, or use a LeakyReLU",
    "A ReLU that is never positive gets no gradient and cannot recover by itself.",
    rebuilt(
        "leaky",
        '    if config.get("activation") == "relu":\n        config["activation"] = "leaky_relu"\n',
    ),
    "one training run",
    trial=layers.LEAKY,
)
WIDEN = DeclaredRemedy(
    "widen",
    "Widen the narrow layer",
    "Information that does not fit through the narrowest layer is lost to all later layers.",
    with_heads(
        rebuilt(
            "wider",
            '    if "units" in config and layer not in heads:\n'
            f'        config["units"] = max({structure.WIDER} * config["units"], {structure.WIDE})\n',
        )
    ),
    "one line and one training run",
    (yearning("increase the model size", "chapter 25"),),
    trial=structure.WIDE_UNITS,
)
UNFREEZE = DeclaredRemedy(
    "unfreeze",
    "Make the frozen layers trainable again and compile",
    "A frozen layer does not learn.",
    f"import keras\n\nold = model\nfor layer in old.layers:\n    layer.trainable = True\n{TRAIN}",
    "two lines and one training run",
    trial=layers.UNFREEZE,
)
LESS_DROPOUT = DeclaredRemedy(
    "less-dropout",
    f"Drop at most {100 * layers.LIGHT:.0f} % of the units (Keras's rate is the share that is dropped)",
    "Dropout reduces variance; in a net that does not fit its training rows, it only reduces capacity.",
    rebuilt(
        "lighter",
        '    for key in ("rate", "dropout", "recurrent_dropout"):\n'
        "        if isinstance(config.get(key), float):\n"
        f"            config[key] = min(config[key], {layers.LIGHT})\n",
    ),
    "one line and one training run",
    (yearning("reduce or eliminate regularization", "chapter 25"),),
    trial=layers.LIGHT_DROPOUT,
    option=layers.LIGHT_DROPOUT,
    lessens="dropout",
)
LESS_PENALTY = DeclaredRemedy(
    "less-regularization",
    "Remove the weight penalties",
    "If a penalty outweighs the data loss, the optimizer minimises the penalty.",
    rebuilt(
        "free",
        '    for key in config:\n        if key.endswith("regularizer"):\n            config[key] = None\n',
    ),
    "one line and one training run",
    (yearning("reduce or eliminate regularization", "chapter 25"),),
    trial=layers.NO_PENALTIES,
    option=layers.NO_PENALTIES,
    lessens="penalty",
)
RECONNECT = DeclaredRemedy(
    "reconnect",
    "Remove what cuts the gradient: stop_gradient, argmax, round, or a branch that reaches no loss",
    "A weight without a gradient is never trained.",
    "print([v.path for v in model.trainable_variables])  # the finding names those without a gradient",
    "a few lines and one training run",
)
KEEP_APART = DeclaredRemedy(
    "keep-outputs-apart",
    "Keep the outputs of different rows apart: end the embedding in a UnitNormalization layer, fit the margin to its "
    "distances (0 to 2), begin with random or semi-hard negatives, and watch the spread",
    "With the hardest negatives, a large margin or large steps, one point for all rows has the lowest loss at first.",
    "import keras\n\n\n"
    "class Spread(keras.callbacks.Callback):  # near 0 the outputs have collapsed\n"
    "    def on_epoch_end(self, epoch, logs=None):\n"
    "        outputs = self.model.predict(x_train, verbose=0)\n"
    '        print("spread of the outputs:", float(outputs.std(axis=0).mean()))\n\n\n'
    f"{AFRESH}{COMPILE}\n{fit(callbacks='[Spread()]')}",
    "a few lines and one training run",
)
WEIGH_TERMS = DeclaredRemedy(
    "weigh-loss-terms",
    "Weigh the terms of the loss: let the weight of a divergence or a penalty rise from 0, and take sums or means over "
    "the same units in all terms",
    "A term that is least if all rows have the same code wins early, when the code tells little about the rows (Bowman "
    "et al. 2016, arXiv:1511.06349).",
    "import keras\n\n"
    "weight = keras.Variable(0.0, trainable=False)  # loss = error + weight * divergence\n\n\n"
    "class Rise(keras.callbacks.Callback):  # pass Rise() to fit\n"
    "    def on_epoch_begin(self, epoch, logs=None):\n"
    "        weight.assign(min(1.0, epoch / 10))",
    "a few lines and one training run",
)
BALANCE_ADVERSARIES = DeclaredRemedy(
    "balance-adversaries",
    "Where a discriminator trains beside it, take its lead: give it smaller steps or dropout, let it see whole batches "
    "(minibatch standard deviation), or train with the Wasserstein loss and a gradient penalty",
    "A discriminator that is always right gives the generator no gradient but towards the one row that it still takes.",
    "import keras\n\n\n"
    "class BatchSpread(keras.layers.Layer):  # before the last layer of the discriminator\n"
    "    def call(self, hidden):\n"
    "        spread = keras.ops.mean(keras.ops.std(hidden, axis=0))\n"
    "        column = keras.ops.broadcast_to(spread, (*keras.ops.shape(hidden)[:-1], 1))\n"
    "        return keras.ops.concatenate([hidden, column], axis=-1)",
    "a few lines and one training run",
)
NORMALISE_LAYERS = DeclaredRemedy(
    "normalise-layers",
    "Add BatchNormalization or LayerNormalization between the layers",
    "Normalisation keeps the scale of signals and gradients from layer to layer, whatever the weights are.",
    "import keras\n\n"
    "hidden = [\n"
    "    layer\n"
    "    for layer in model.layers\n"
    '    if hasattr(layer, "kernel_initializer") and not hasattr(layer, "recurrent_initializer")\n'
    "    and all(layer.output is not tensor for tensor in model.outputs)\n"
    "]\n\n\n"
    "def normalised(layer):\n"
    "    copy = layer.__class__.from_config(layer.get_config())\n"
    "    if layer not in hidden:\n"
    "        return copy\n"
    "    return keras.Sequential([copy, keras.layers.$normalising()], name=layer.name)\n\n\n"
    "old = model\nmodel = keras.models.clone_model(old, clone_function=normalised)  # fresh weights\n"
    f"{TRAIN}",
    "a few lines and one training run",
    (yearning("change the architecture", "chapters 25 and 27"),),
    trial=structure.NORMALISED,
    option=structure.NORMALISED,
)
RESIDUAL_LINKS = DeclaredRemedy(
    "residual-links",
    "Add residual links around the hidden layers that keep the shape of their inputs",
    "What a layer adds to its input is easier to learn than the whole, and the gradient passes by the layer.",
    "import keras\n\n"
    "linked = [\n"
    "    layer\n"
    "    for layer in model.layers\n"
    '    if hasattr(layer, "kernel_initializer") and not hasattr(layer, "recurrent_initializer")\n'
    "    and layer.input.shape == layer.output.shape and all(layer.output is not tensor for tensor in model.outputs)\n"
    "]\n\n\n"
    "def residual(layer):\n"
    "    copy = layer.__class__.from_config(layer.get_config())\n"
    "    if layer not in linked:\n"
    "        return copy\n"
    "    source = keras.Input(layer.input.shape[1:])\n"
    "    return keras.Model(source, keras.layers.Add()([source, copy(source)]), name=layer.name)\n\n\n"
    "old = model\nmodel = keras.models.clone_model(old, clone_function=residual)  # fresh weights\n"
    f"{TRAIN}",
    "a few lines and one training run",
    (yearning("change the architecture", "chapters 25 and 27"),),
    option=structure.RESIDUAL,
)
