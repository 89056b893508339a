"""What can be done: every remedy with its reason, its Keras snippet and its place in the two lists.

A snippet stands on its own beside the user's `model`, `x_train, y_train, x_dev, y_dev`; `$rate`, `$optimizer`,
`$loss`, `$classes` and `$estimator` are filled in from what is known (`prescribing.Values`).
"""

from dataclasses import dataclass

from diagnose.diagnosis import Source

YEARNING = "Machine Learning Yearning"
FASTAI = "fast.ai"


@dataclass(frozen=True)
class DeclaredRemedy:
    """An action and where it comes from. `cost` is what the user pays: a line, a run, weeks."""

    code: str
    action: str
    why: str
    snippet: str
    cost: str
    sources: tuple[Source, ...] = ()


def _yearning(item: str, chapter: str) -> Source:
    return Source(YEARNING, item, chapter)


def _fastai(item: str, lesson: str = "order of steps against overfitting") -> Source:
    return Source(FASTAI, item, lesson)


# --- data ----------------------------------------------------------------------------------------

CLEAN_DATA = DeclaredRemedy(
    "clean-data",
    "Drop or impute the missing and infinite values",
    "One NaN in a batch makes the loss and then every weight NaN.",
    "import numpy as np\n\n"
    "finite = np.isfinite(x_train.reshape(len(x_train), -1)).all(axis=1)\n"
    "x_train, y_train = x_train[finite], y_train[finite]",
    "a few lines",
)
SCALE_INPUTS = DeclaredRemedy(
    "scale-inputs",
    "Standardise the inputs inside the model and train again",
    "Inputs of very unlike or very large scale make the loss steep in some directions and flat in others, "
    "so no single learning rate suits them.",
    "import keras\n\n"
    "norm = keras.layers.Normalization()\n"
    "norm.adapt(x_train)\n"
    "model = keras.Sequential([keras.Input(x_train.shape[1:]), norm, keras.models.clone_model(model)])\n"
    'model.compile(optimizer="adam", loss="$loss")',
    "a few lines and one training run",
)
SCALE_TARGETS = DeclaredRemedy(
    "scale-targets",
    "Standardise the targets, and scale predictions back",
    "A linear head that starts near zero needs thousands of steps to reach large targets, and its gradients are as "
    "large as the targets.",
    "mean, std = y_train.mean(axis=0), y_train.std(axis=0)\n"
    "y_train, y_dev = (y_train - mean) / std, (y_dev - mean) / std\n"
    "# after training: predictions = model.predict(x_dev) * std + mean",
    "a few lines and one training run",
)
SAME_PREPROCESSING = DeclaredRemedy(
    "same-preprocessing",
    "Feed the model what it was trained on: the same preprocessing, fitted on train, for every split",
    "Weights are only good for inputs that look as they did in training.",
    "import keras\n\n"
    "# for example, where training saw pixels of 0 to 1 and the data holds 0 to 255\n"
    "inputs = keras.Input(model.input_shape[1:])\n"
    "model = keras.Model(inputs, model(keras.layers.Rescaling(1 / 255)(inputs)))\n"
    'model.compile(loss="$loss")',
    "one line",
)
SHUFFLE = DeclaredRemedy(
    "shuffle",
    "Shuffle the training rows anew in each epoch",
    "In random order every batch is a small picture of the whole, so that a step is right for all of it.",
    "import tensorflow as tf\n\n"
    "model.fit(x_train, y_train, shuffle=True)\n"
    "# a tf.data pipeline: with a buffer as large as the data\n"
    "rows = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(len(x_train)).batch(32)",
    "one line",
)
FIX_LABELS = DeclaredRemedy(
    "fix-labels",
    "Bring the labels into the form that the loss expects",
    "A sparse loss wants integers from 0 to K-1, a categorical one rows of one-hot, a binary one 0 and 1.",
    "import numpy as np\n\n"
    "classes, y_train = np.unique(y_train, return_inverse=True)  # 0 ... K-1\n"
    "y_dev = np.searchsorted(classes, y_dev)",
    "a few lines",
)
CHECK_PAIRING = DeclaredRemedy(
    "check-pairing",
    "Check that rows and labels belong together, and whether the features can tell the target at all",
    "Neither this model nor scikit-learn's find anything in these rows; no network can find what is not there.",
    "import numpy as np\n\n"
    "for row in np.random.default_rng(0).choice(len(x_train), 10, replace=False):\n"
    "    print(row, x_train[row], y_train[row])  # does a person see why?",
    "an hour",
    (_yearning("change input features", "chapters 13-14, error analysis"),),
)
REJOIN_SPLITS = DeclaredRemedy(
    "resplit",
    "Split again so that no row, group or class stands only where it should not",
    "Shared rows make dev error too good; classes that train lacks cannot be learned.",
    "import numpy as np\nfrom sklearn.model_selection import train_test_split\n\n"
    "x, y = np.concatenate([x_train, x_dev]), np.concatenate([y_train, y_dev])\n"
    "x_train, x_dev, y_train, y_dev = train_test_split(x, y, test_size=0.2, random_state=0)",
    "a few lines and one training run",
    (_yearning("dev and test sets from one distribution", "chapters 5-6"),),
)
SPLIT_BY_KEY = DeclaredRemedy(
    "split-by-group-or-time",
    "Keep each group on one side of the split, and the future out of the training rows",
    "New rows will come from new groups, and later: dev should, too.",
    "import numpy as np\nfrom sklearn.model_selection import GroupShuffleSplit\n\n"
    "# groups: for each row of train and dev, whose it is (the patient, the speaker, the shop)\n"
    "x, y = np.concatenate([x_train, x_dev]), np.concatenate([y_train, y_dev])\n"
    "train, dev = next(GroupShuffleSplit(test_size=0.2, random_state=0).split(x, y, groups))\n"
    "# by time instead: order = times.argsort(); train, dev = order[: int(0.8 * len(x))], order[int(0.8 * len(x)) :]\n"
    "x_train, x_dev, y_train, y_dev = x[train], x[dev], y[train], y[dev]",
    "a few lines and one training run",
    (_yearning("dev and test sets that reflect the data you expect in the future", "chapters 5-6"),),
)
WEIGH_CLASSES = DeclaredRemedy(
    "weigh-classes",
    "Judge by a metric that sees the rare class, then weigh the classes",
    "Accuracy rewards ignoring a rare class.",
    "import numpy as np\n\n"
    "labels = np.asarray(y_train).ravel().astype(int)\n"
    "counts = np.bincount(labels)\n"
    "class_weight = {k: len(labels) / (len(counts) * n) for k, n in enumerate(counts) if n}\n"
    "# model.fit(x_train, y_train, class_weight=class_weight)",
    "one training run",
    (_yearning("pick a metric that ranks as you do", "chapters 8-11"),),
)
FIX_TOKENS = DeclaredRemedy(
    "fix-tokens",
    "Make the vocabulary and the embedding agree",
    "An id outside the embedding's table has no vector.",
    "tokens = int(max(x_train.max(), x_dev.max())) + 1\nprint('Embedding needs input_dim >=', tokens)",
    "one line and one training run",
)

# --- head and loss --------------------------------------------------------------------------------

HEAD_UNITS = DeclaredRemedy(
    "set-output-units",
    "Give the output one unit per class",
    "A class without a unit cannot be predicted, and a loss over the wrong number of units means something else.",
    "import keras\n\n"
    "body = keras.Model(model.inputs, model.layers[-2].output)\n"
    'model = keras.Sequential([body, keras.layers.Dense($classes, activation="softmax")])\n'
    'model.compile(optimizer="adam", loss="$loss")',
    "one line and one training run",
)
SIGMOID_HEAD = DeclaredRemedy(
    "sigmoid-head",
    "End in a sigmoid under binary cross-entropy",
    "A softmax over one unit is always 1; a sigmoid is a probability of its own, for one label or for each of several.",
    "import keras\n\n"
    "body = keras.Model(model.inputs, model.layers[-2].output)\n"
    'model = keras.Sequential([body, keras.layers.Dense(model.output_shape[-1], activation="sigmoid")])\n'
    'model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])',
    "one line and one training run",
)
SOFTMAX_HEAD = DeclaredRemedy(
    "softmax-cross-entropy",
    "End in a softmax under categorical cross-entropy (sparse for integer labels)",
    "Softmax with cross-entropy is the likelihood of one class of many; its gradient does not die where the net is "
    "confidently wrong.",
    'model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])',
    "one line and one training run",
)
LOGITS = DeclaredRemedy(
    "match-logits",
    "Let the loss know whether it gets logits: a linear head with from_logits=True, or a softmax or sigmoid without",
    "Taken for what it is not, the output is squashed twice or not at all.",
    "import keras\n\n"
    "# for a head without activation\n"
    'model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))',
    "one line and one training run",
)
LINEAR_HEAD = DeclaredRemedy(
    "linear-head",
    "Let the output reach the targets: a linear head",
    "A sigmoid ends at 1, a tanh at -1 and 1, a ReLU at 0: targets beyond can never be predicted.",
    "import keras\n\n"
    "body = keras.Model(model.inputs, model.layers[-2].output)\n"
    "model = keras.Sequential([body, keras.layers.Dense(model.output_shape[-1])])\n"
    'model.compile(optimizer="adam", loss="mse")',
    "one line and one training run",
)
MATCH_LOSS = DeclaredRemedy(
    "match-loss",
    "Choose the loss that belongs to the task and the output",
    "Number: linear and MSE. One of two: sigmoid and binary cross-entropy. One of many: softmax and categorical "
    "cross-entropy. Several of many: sigmoid and binary cross-entropy.",
    'model.compile(optimizer="adam", loss="$loss")',
    "one line and one training run",
)

# --- network --------------------------------------------------------------------------------------

INITIALISE = DeclaredRemedy(
    "initialise",
    "Initialise with He (ReLU family) or Glorot (tanh, sigmoid) and train again",
    "The spread of the first weights decides whether signals and gradients keep their size from layer to layer.",
    "import keras\n\n\n"
    "def he(layer):\n"
    "    config = layer.get_config()\n"
    '    if "kernel_initializer" in config:\n'
    '        config["kernel_initializer"] = "he_normal"\n'
    "    return layer.__class__.from_config(config)\n\n\n"
    "model = keras.models.clone_model(model, clone_function=he)  # fresh weights\n"
    'model.compile(optimizer="adam", loss="$loss")',
    "one line a layer and one training run",
)
ADD_ACTIVATIONS = DeclaredRemedy(
    "add-activations",
    "Put a ReLU or GELU after every hidden layer",
    "Layers without a non-linearity between them collapse into one linear layer.",
    "import keras\n\n\n"
    "def relu(layer):\n"
    "    config = layer.get_config()\n"
    '    if config.get("activation") == "linear" and layer is not model.layers[-1]:\n'
    '        config["activation"] = "relu"\n'
    "    return layer.__class__.from_config(config)\n\n\n"
    "model = keras.models.clone_model(model, clone_function=relu)  # fresh weights\n"
    'model.compile(optimizer="adam", loss="$loss")',
    "one line a layer and one training run",
)
RELU = DeclaredRemedy(
    "relu-instead",
    "Use ReLU or GELU with He initialisation in the hidden layers",
    "Each sigmoid passes on at most a quarter of the gradient; a ReLU passes on all of it where it is active.",
    "import keras\n\n\n"
    "def relu(layer):\n"
    "    config = layer.get_config()\n"
    '    if "activation" in config and layer is not model.layers[-1]:\n'
    '        config |= {"activation": "relu", "kernel_initializer": "he_normal"}\n'
    "    return layer.__class__.from_config(config)\n\n\n"
    "model = keras.models.clone_model(model, clone_function=relu)  # fresh weights\n"
    'model.compile(optimizer="adam", loss="$loss")',
    "one line a layer and one training run",
)
SHALLOWER = DeclaredRemedy(
    "shallower-or-residual",
    "Start with three to six layers; go deeper only with skip connections and normalisation",
    "A deep plain stack passes its signal through every layer; skips and normalisation give it a way around.",
    "import keras\n\n\n"
    "def block(x, units):\n"
    '    y = keras.layers.Dense(units, activation="relu", kernel_initializer="he_normal")(x)\n'
    "    y = keras.layers.LayerNormalization()(keras.layers.Dense(units)(y))\n"
    "    return keras.layers.Add()([x, y]) if x.shape[-1] == units else y",
    "a new architecture and one training run",
    (_yearning("change the architecture", "chapters 25 and 27"),),
)
REVIVE = DeclaredRemedy(
    "revive-units",
    "Start again from fresh weights with a lower learning rate, or use a LeakyReLU",
    "A ReLU that is never positive gets no gradient and cannot come back by itself.",
    "import keras\n\n\n"
    "def leaky(layer):\n"
    "    config = layer.get_config()\n"
    '    if config.get("activation") == "relu":\n'
    '        config["activation"] = "leaky_relu"\n'
    "    return layer.__class__.from_config(config)\n\n\n"
    "model = keras.models.clone_model(model, clone_function=leaky)  # fresh weights\n"
    'model.compile(optimizer="adam", loss="$loss")',
    "one training run",
)
WIDEN = DeclaredRemedy(
    "widen",
    "Widen the narrow layer",
    "What does not fit through the narrowest layer is lost to all that follow.",
    "import keras\n\n\n"
    "def wider(layer):\n"
    "    config = layer.get_config()\n"
    '    if "units" in config and layer is not model.layers[-1]:\n'
    '        config["units"] = max(4 * config["units"], 32)\n'
    "    return layer.__class__.from_config(config)\n\n\n"
    "model = keras.models.clone_model(model, clone_function=wider)  # fresh weights\n"
    'model.compile(optimizer="adam", loss="$loss")',
    "one line and one training run",
    (_yearning("increase the model size", "chapter 25"),),
)
UNFREEZE = DeclaredRemedy(
    "unfreeze",
    "Make the frozen layers trainable again and compile",
    "A frozen layer keeps the weights it has, whatever the gradient says.",
    'for layer in model.layers:\n    layer.trainable = True\nmodel.compile(optimizer="adam", loss=model.loss)',
    "two lines and one training run",
)
LESS_DROPOUT = DeclaredRemedy(
    "less-dropout",
    "Drop fewer units: 0.2 to 0.5 (Keras's rate is the share that is dropped)",
    "Dropout is a remedy for variance; what it takes from a net that does not fit train is capacity.",
    "import keras\n\n\n"
    "def lighter(layer):\n"
    "    config = layer.get_config()\n"
    '    if "rate" in config:\n'
    '        config["rate"] = min(config["rate"], 0.2)\n'
    "    return layer.__class__.from_config(config)\n\n\n"
    "model = keras.models.clone_model(model, clone_function=lighter)  # fresh weights\n"
    'model.compile(optimizer="adam", loss="$loss")',
    "one line and one training run",
    (_yearning("reduce or eliminate regularization", "chapter 25"),),
)
LESS_PENALTY = DeclaredRemedy(
    "less-regularization",
    "Cut the weight penalties to a tenth, or remove them",
    "A penalty that outweighs the data loss is what the optimiser minimises.",
    "import keras\n\n\n"
    "def free(layer):\n"
    "    config = layer.get_config()\n"
    '    for key in ("kernel_regularizer", "bias_regularizer", "activity_regularizer"):\n'
    "        if key in config:\n"
    "            config[key] = None\n"
    "    return layer.__class__.from_config(config)\n\n\n"
    "model = keras.models.clone_model(model, clone_function=free)  # fresh weights\n"
    'model.compile(optimizer="adam", loss="$loss")',
    "one line and one training run",
    (_yearning("reduce or eliminate regularization", "chapter 25"),),
)
RECONNECT = DeclaredRemedy(
    "reconnect",
    "Remove what cuts the gradient: stop_gradient, argmax, round, or a branch that reaches no loss",
    "A weight without a gradient is never trained.",
    "print([v.path for v in model.trainable_variables])  # the finding names those without a gradient",
    "a few lines and one training run",
)

# --- optimisation ----------------------------------------------------------------------------------

FRESH_START = DeclaredRemedy(
    "restart-finite",
    "Go back to the last finite weights, or start again, and stop at the first NaN",
    "Once a weight is NaN nothing brings it back.",
    "import keras\n\n"
    "stop = keras.callbacks.TerminateOnNaN()\n"
    "model = keras.models.clone_model(model)  # fresh weights\n"
    'model.compile(optimizer=keras.optimizers.Adam($rate), loss="$loss")',
    "one training run",
)
LOWER_RATE = DeclaredRemedy(
    "lower-learning-rate",
    "Lower the learning rate to about $rate and train again from fresh weights",
    "Steps that are too long jump over the valley, or throw the weights where no gradient leads back.",
    "import keras\n\n"
    "model = keras.models.clone_model(model)  # fresh weights\n"
    'model.compile(optimizer=keras.optimizers.$optimizer(learning_rate=$rate), loss="$loss")',
    "one line and one training run",
    (_fastai("learning rate finder", "learning rate finder"),),
)
RAISE_RATE = DeclaredRemedy(
    "raise-learning-rate",
    "Raise the learning rate to about $rate and train again",
    "At this rate the weights hardly move in the steps they are given.",
    'import keras\n\nmodel.compile(optimizer=keras.optimizers.$optimizer(learning_rate=$rate), loss="$loss")',
    "one line and one training run",
    (_fastai("learning rate finder", "learning rate finder"),),
)
TRAIN_LONGER = DeclaredRemedy(
    "train-longer",
    "Train longer, until dev error stops falling",
    "The error was still falling when training stopped.",
    "import keras\n\n"
    "stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)\n"
    "model.fit(x_train, y_train, validation_data=(x_dev, y_dev), epochs=100, callbacks=[stop])",
    "one longer training run",
    (_yearning("train longer", "chapter 1; optimisation, course material"),),
)
KEEP_BEST = DeclaredRemedy(
    "keep-best-weights",
    "Keep the weights of the best epoch",
    "The weights at the end are worse than some that training passed on the way.",
    "import keras\n\nkeras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)",
    "one line and one training run",
    (_yearning("early stopping", "chapter 27"),),
)
CLIP = DeclaredRemedy(
    "clip-gradients",
    "Clip the global gradient norm at 1 and lower the learning rate",
    "A single huge gradient undoes the work of many steps.",
    "import keras\n\n"
    'model.compile(optimizer=keras.optimizers.Adam(learning_rate=$rate, global_clipnorm=1.0), loss="$loss")',
    "one line and one training run",
)
DEFAULT_OPTIMIZER = DeclaredRemedy(
    "default-optimizer",
    "Go back to Adam with its default settings",
    "Adam at 1e-3 learns something on nearly every sound model: a place to start from.",
    'import keras\n\nmodel.compile(optimizer=keras.optimizers.Adam(1e-3), loss="$loss")',
    "one line and one training run",
)
BATCH = DeclaredRemedy(
    "usual-batch-size",
    "Use a batch of 32 to 256 rows",
    "One row a step is noise; all rows a step leaves few steps.",
    "model.fit(x_train, y_train, validation_data=(x_dev, y_dev), batch_size=64, epochs=10)",
    "one training run",
)
NORMALISE_LAYERS = DeclaredRemedy(
    "normalise-layers",
    "Add BatchNormalization or LayerNormalization between the layers",
    "It keeps the scale of signals and gradients from layer to layer, whatever the weights do.",
    "import keras\n\nkeras.layers.BatchNormalization()  # after each hidden Dense or convolution",
    "one line a layer and one training run",
)

# --- the two lists ----------------------------------------------------------------------------------

MORE_DATA = DeclaredRemedy(
    "more-data",
    "Get more training data",
    "Variance falls with every row; it is the simplest and most reliable way to lower it.",
    "# label more rows, other label kinds, or merge a related source (keep dev as it is)\n"
    "print(len(x_train), 'training rows now')",
    "days to weeks",
    (_yearning("more-data", "chapter 27"), _fastai("more-data")),
)
DIVERSE_DATA = DeclaredRemedy(
    "more-diverse-data",
    "Get training data like the rows that fail",
    "Where train lacks what dev has, only data of that kind helps.",
    "import keras\nimport numpy as np\n\n"
    'losses = np.asarray(keras.losses.get("$loss")(y_dev, model.predict(x_dev, verbose=0)))\n'
    "print(losses.reshape(len(x_dev), -1).mean(axis=1).argsort()[::-1][:100])  # the worst rows: look at them",
    "days to weeks",
    (_yearning("more-diverse-data", "chapters 14 and 42"),),
)
AUGMENT = DeclaredRemedy(
    "augmentation",
    "Augment the training images",
    "Each changed copy is a new row for nothing.",
    "import keras\n\n"
    "# only changes that keep the label: a mirrored digit is no digit\n"
    "augment = [keras.layers.RandomTranslation(0.1, 0.1), keras.layers.RandomRotation(0.05)]\n"
    "model = keras.Sequential([keras.Input(x_train.shape[1:]), *augment, model])\n"
    'model.compile(optimizer="adam", loss="$loss")',
    "a few lines and one training run",
    (_fastai("augmentation"),),
)
REGULARIZE = DeclaredRemedy(
    "regularize",
    "Regularise: weight decay first, then dropout",
    "It trades a little bias for less variance.",
    'import keras\n\nmodel.compile(optimizer=keras.optimizers.AdamW(weight_decay=0.01), loss="$loss")',
    "one line and one training run",
    (_yearning("regularize", "chapter 27"), _fastai("regularization")),
)
BIGGER = DeclaredRemedy(
    "bigger-network",
    "Use a bigger network: twice the units, or one layer more",
    "Avoidable bias means that the net cannot even fit what it has seen.",
    WIDEN.snippet,
    "one training run",
    (_yearning("bigger-network", "chapters 23 and 25"),),
)
ARCHITECTURE = DeclaredRemedy(
    "change-architecture",
    "Use an architecture known to work on this kind of data",
    "What fits the structure of the data needs fewer rows and generalises better.",
    "import keras\n\n"
    "# images: convolutions or a pretrained backbone; sequences: LSTM, GRU or attention\n"
    "# tables: embeddings for the categories\n"
    "backbone = keras.applications.MobileNetV3Small(include_top=False, weights=None, input_shape=(96, 96, 3))",
    "a new architecture and one training run",
    (_yearning("change-architecture", "chapters 25 and 27"), _fastai("generalizing-architecture")),
)
SMALLER = DeclaredRemedy(
    "smaller-network",
    "Use a smaller network",
    "It is the last resort against variance: regularising a large one usually does better.",
    WIDEN.snippet.replace("wider", "narrower").replace('max(4 * config["units"], 32)', 'max(config["units"] // 2, 1)'),
    "one training run",
    (_yearning("smaller-network", "chapter 27"), _fastai("reduce-complexity")),
)
USE_BASELINE = DeclaredRemedy(
    "use-baseline",
    "Find out what the baseline does better; until then, use the baseline",
    "A model that costs more has to do more.",
    "from sklearn.ensemble import HistGradientBoosting$estimator\n\n"
    "baseline = HistGradientBoosting$estimator().fit(x_train.reshape(len(x_train), -1), y_train)",
    "an hour",
    (_yearning("error analysis", "chapters 13-14"),),
)
BIGGER_DEV = DeclaredRemedy(
    "bigger-dev-set",
    "Enlarge the dev set, or compare by cross-validation",
    "Differences smaller than its interval cannot be seen on it.",
    "from sklearn.model_selection import RepeatedStratifiedKFold\n\n"
    "folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=3)",
    "days",
    (_yearning("size of the dev set", "chapter 7"),),
)
FRESH_DEV = DeclaredRemedy(
    "fresh-dev-set",
    "Get a fresh dev set",
    "Choices made on the old one have fitted it.",
    "# draw new rows from the distribution that test comes from",
    "days",
    (_yearning("overfitting the dev set", "chapters 6, 11 and 12"),),
)
TRAIN_DEV = DeclaredRemedy(
    "train-on-target-data",
    "Move some data of the target distribution into training, and weigh the rest less",
    "Train and dev come from different sources; the net has learnt the wrong one well.",
    "# x_train, y_train: add rows from the source of dev; keep twice as many for dev and test as they need",
    "days",
    (_yearning("data mismatch", "chapters 36-43"),),
)
READ_FINDINGS = DeclaredRemedy(
    "read-findings",
    "Read the findings: the model is sick, and no known cause explains it",
    "What was measured is listed; a deeper run tries single changes and says which of them restores learning.",
    "# diagnose model.keras data/ --effort deep",
    "minutes",
)
LOOK_AT_CLASS = DeclaredRemedy(
    "look-at-class",
    "Look at the rows of the weak class first",
    "An average hides a class that is always missed.",
    "import numpy as np\n\n"
    "predicted = model.predict(x_dev, verbose=0).argmax(axis=-1)\n"
    "print(np.unique(predicted, return_counts=True))",
    "an hour",
    (_yearning("error analysis", "chapters 13-19"),),
)

REMEDIES: tuple[DeclaredRemedy, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, DeclaredRemedy)
)
