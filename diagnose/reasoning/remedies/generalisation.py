"""The items of both lists, and other remedies that help a sound model to do better on new rows."""

import json
from textwrap import indent

from diagnose.reasoning.remedies import modes, network
from diagnose.reasoning.remedies.declared import (
    AFRESH,
    COMPILE,
    DAYS,
    READOUTS,
    TRAIN,
    TRAIN_ON_SPLIT,
    WEEKS,
    DeclaredRemedy,
    fastai,
    fit,
    yearning,
)
from diagnose.subject import Task
from diagnose.trials.interventions import augmenting, generalising, optimizer, soft_labels, structure

ONE_LABEL = frozenset({Task.BINARY, Task.MULTICLASS})
_FOR_SHARES = "$labels_as_shares\n"
COMPILE_FOR_SHARES = "model.compile(optimizer=$optimizer, loss=$loss_of_shares$metrics_of_shares)"
_WITH_NEW_ROWS = (
    f"x_train, y_train = np.concatenate([x_train, x_new]), np.concatenate([y_train, y_new])\n{AFRESH}{TRAIN}"
)
_SIZED = (
    "import keras\n\n"
    f"{READOUTS}"
    'sizes = {"units", "filters"}\n'
    "sized = [layer for layer in model.layers if layer not in heads and sizes & layer.get_config().keys()]\n"
)


def _in_pairs(mixed: str) -> str:
    """A snippet that trains on batches whose rows and labels are `mixed`: lines with `batch`, the numbers of rows."""
    return (
        "import keras\nimport numpy as np\n\n\n"
        "class Mixed(keras.utils.PyDataset):\n"
        "    def __init__(self, x, y, batch_size):\n"
        "        super().__init__()\n"
        "        self.rows, self.batch_size = (x, y), batch_size\n"
        "        self.on_epoch_end()\n\n"
        "    def __len__(self):\n"
        "        return max(1, len(self.order) // self.batch_size)\n\n"
        "    def on_epoch_end(self):\n"
        "        self.order = np.random.permutation(len(self.rows[0]))\n\n"
        "    def __getitem__(self, number):\n"
        "        batch = self.order[number * self.batch_size :][: self.batch_size]\n"
        f"{mixed}\n\n"
        f"{_FOR_SHARES}"
        "old = model\nmodel = keras.models.clone_model(old)  # fresh weights\n"
        f"{COMPILE_FOR_SHARES.replace('$loss_of_shares', '$own_loss_of_shares')}\n"
        "mixed = Mixed(x_train, y_train, $batch_size)\n"
        f"{fit('mixed')}"
    )


MORE_DATA = DeclaredRemedy(
    "more-data",
    "Get more training data",
    "More training rows are the most reliable way to close the train-dev gap.",
    "import keras\nimport numpy as np\n\n"
    "# x_new, y_new: the rows that you add, prepared as those of train; dev stays as it is\n" + _WITH_NEW_ROWS,
    WEEKS,
    (yearning("more-data", "chapter 27"), fastai("more-data")),
)
DIVERSE_DATA = DeclaredRemedy(
    "more-diverse-data",
    "Get training data like the rows that fail",
    "If dev holds kinds of rows that train lacks, only more of those helps.",
    "import keras\nimport numpy as np\n\n"
    'losses = np.asarray(keras.losses.get("$loss")(y_dev, model.predict(x_dev, verbose=0)))\n'
    "print(losses.reshape(len(x_dev), -1).mean(axis=1).argsort()[::-1][:100])  # the worst rows: look at them\n"
    "# x_new, y_new: new training rows of their kinds\n" + _WITH_NEW_ROWS,
    WEEKS,
    (yearning("more-diverse-data", "chapters 14 and 42"),),
)
AUGMENT = DeclaredRemedy(
    "augmentation",
    "Augment the training images",
    "Augmented copies are extra rows at no labelling cost.",
    "import keras\n\n"
    "# only changes that keep the label: a mirrored 3 is not a 3\n"
    "augment = [keras.layers.RandomTranslation(0.1, 0.1), keras.layers.RandomRotation(0.05)]\n"
    "old = model\n"
    "afresh = keras.models.clone_model(old)  # fresh weights\n"
    "model = keras.Sequential([keras.Input(x_train.shape[1:]), *augment, afresh])\n"
    f"{TRAIN}",
    "a few lines and one training run",
    (fastai("augmentation"),),
    option=augmenting.AUGMENTATION,
)
MIXUP = DeclaredRemedy(
    "mixup",
    "Train on mixtures of two rows, with their classes in the same shares (mixup)",
    "A net that has to be as unsure as the mixture cannot know rows by heart (Zhang et al. 2018, arXiv:1710.09412).",
    _in_pairs(
        f"        share = np.random.beta({augmenting.MIX}, {augmenting.MIX})\n"
        "        return tuple(share * one[batch] + (1 - share) * one[batch[::-1]] for one in self.rows)\n"
    ),
    "a few lines and one training run",
    (fastai("augmentation"),),
    tasks=ONE_LABEL,
    option=augmenting.MIXUP,
)
CUTMIX = DeclaredRemedy(
    "cutmix",
    "Train on images with a box of another image, and its share of the class (CutMix)",
    "A net that has to name both images cannot rely on one part of either (Yun et al. 2019, arXiv:1905.04899).",
    _in_pairs(
        "        x, y = (one[batch] for one in self.rows)\n"
        f"        side = (1 - np.random.beta({augmenting.CUT}, {augmenting.CUT})) ** 0.5\n"
        "        centre = np.random.uniform(size=2)\n"
        "        low, high = (np.clip(centre + end * side / 2, 0, 1) * x.shape[1:3] for end in (-1, 1))\n"
        "        (top, left), (bottom, right) = (np.round(one).astype(int) for one in (low, high))\n"
        "        share = 1 - (bottom - top) * (right - left) / (x.shape[1] * x.shape[2])\n"
        "        x[:, top:bottom, left:right] = x[::-1, top:bottom, left:right].copy()\n"
        "        return x, share * y + (1 - share) * y[::-1]\n"
    ),
    "a few lines and one training run",
    (fastai("augmentation"),),
    tasks=ONE_LABEL,
    option=augmenting.CUTMIX,
)
NOISE = DeclaredRemedy(
    "input-noise",
    "Add noise to the inputs while the model trains",
    "Rows that are never the same twice are harder to know by heart; the noise is a tenth of the spread of a column.",
    "import keras\n\n"
    "scale = x_train.std(axis=tuple(range(x_train.ndim - 1)))  # by column\n"
    "scale[scale == 0] = 1\n"
    "unscaled, scaled = (keras.layers.Rescaling(one.tolist()) for one in (1 / scale, scale))\n"
    f"noise = [unscaled, keras.layers.GaussianNoise({augmenting.NOISE}), scaled]\n"
    "old = model\n"
    "afresh = keras.models.clone_model(old)  # fresh weights\n"
    "model = keras.Sequential([keras.Input(x_train.shape[1:]), *noise, afresh])\n"
    f"{TRAIN}",
    "a few lines and one training run",
    (fastai("augmentation"),),
    option=augmenting.INPUT_NOISE,
)
WORD_DROPOUT = DeclaredRemedy(
    "word-dropout",
    "Drop some of the words of every row while the model trains",
    "A net that cannot count on any single word has to read the others.",
    "import keras\n\n\n"
    "def without_words(layer):\n"
    "    copy = layer.__class__.from_config(layer.get_config())\n"
    "    if isinstance(layer, keras.layers.Embedding) and len(layer.output.shape) == 3:\n"
    f"        drop = keras.layers.Dropout({augmenting.WORDS}, noise_shape=(None, None, 1))  # whole words\n"
    "        return keras.Sequential([copy, drop], name=layer.name)\n"
    "    return copy\n\n\n"
    "old = model\nmodel = keras.models.clone_model(old, clone_function=without_words)  # fresh weights\n"
    f"{TRAIN}",
    "a few lines and one training run",
    (fastai("augmentation"),),
    option=augmenting.WORD_DROPOUT,
)
SMOOTH_LABELS = DeclaredRemedy(
    "smooth-labels",
    f"Smooth the labels by {soft_labels.SMOOTHING}",
    "A net that need not be certain does not grow its weights for the rows that it already gets right.",
    "import keras\nimport numpy as np\n\n"
    f"{_FOR_SHARES}"
    "old = model\nmodel = keras.models.clone_model(old)  # fresh weights\n"
    f"{COMPILE_FOR_SHARES}\n{fit()}",
    "a few lines and one training run",
    (fastai("regularization"),),
    tasks=ONE_LABEL,
    option=soft_labels.LABEL_SMOOTHING,
)
AVERAGE = DeclaredRemedy(
    "average-weights",
    "Average the weights over the end of the training",
    "The last steps of a training wander around a minimum; their average lies closer to it.",
    "import keras\n\n"
    "old = model\n"
    'config = old.optimizer.get_config() | {"use_ema": True, "ema_momentum": $memory}  # fit ends with the average\n'
    "model = keras.models.clone_model(old)  # fresh weights\n"
    + TRAIN.replace("$optimizer", "type(old.optimizer).from_config(config)"),
    "one line and one training run",
    option=generalising.AVERAGED_WEIGHTS,
)
AVERAGE_TAIL = DeclaredRemedy(
    "stochastic-weight-averaging",
    f"Average the weights over the last {generalising.TAIL:.0%} of the training (stochastic weight averaging)",
    "The mean of weights from the end of a training lies in a wider part of the minimum than any of them (Izmailov et "
    "al. 2018, arXiv:1803.05407).",
    f"import keras\nimport numpy as np\n\n\n{modes.NORMALISATIONS}"
    "class Mean(keras.callbacks.Callback):\n"
    "    def on_train_begin(self, logs=None):\n"
    '        steps, self.done, self.taken = self.params["epochs"] * self.params["steps"], 0, []\n'
    f"        first = int({1 - generalising.TAIL} * steps)\n"
    f"        self.moments = set(np.unique(np.linspace(first, steps, {generalising.MOMENTS + 1}).round())[1:])\n\n"
    "    def on_train_batch_end(self, batch, logs=None):\n"
    "        self.done += 1\n"
    "        if self.done in self.moments:\n"
    "            self.taken.append([variable.numpy() for variable in self.model.trainable_variables])\n\n"
    "    def on_train_end(self, logs=None):\n"
    "        for variable, values in zip(self.model.trainable_variables, zip(*self.taken)):\n"
    "            variable.assign(np.mean(values, axis=0))\n"
    f"{indent(modes.RE_ESTIMATE, ' ' * 8)}\n\n\n"
    f"{AFRESH}{COMPILE}\n{fit(callbacks='[Mean()]')}",
    "a few lines and one training run",
    option=generalising.WEIGHTS_OF_THE_TAIL,
)
REGULARIZE = DeclaredRemedy(
    "regularize",
    "Regularise with weight decay",
    "It trades a little bias for less variance.",
    "import keras\n\n"
    "old = model\n"
    'config = old.optimizer.get_config() | {"weight_decay": $decay}  # decoupled: 1 / (rate * steps of the training)\n'
    "model = keras.models.clone_model(old)  # fresh weights\n"
    + TRAIN.replace("$optimizer", "type(old.optimizer).from_config(config)"),
    "one line and one training run",
    (yearning("regularize", "chapter 27"), fastai("regularization")),
    option=generalising.WEIGHT_DECAY,
)
DROPOUT = DeclaredRemedy(
    "dropout",
    "Regularise with dropout before the Dense layers",
    "Units that may be missing cannot memorise rows together; in training only.",
    "import keras\n\n"
    "first = next(layer for layer in model.layers if layer.weights)\n\n\n"
    "def with_dropout(layer):\n"
    "    copy = layer.__class__.from_config(layer.get_config())\n"
    "    if isinstance(layer, keras.layers.Dense) and layer is not first:\n"
    f"        return keras.Sequential([keras.layers.Dropout({generalising.RATE:g}), copy], name=layer.name)\n"
    "    return copy\n\n\n"
    "old = model\nmodel = keras.models.clone_model(old, clone_function=with_dropout)  # fresh weights\n"
    f"{TRAIN}",
    "a few lines and one training run",
    (yearning("regularize", "chapter 27"), fastai("regularization")),
    option=generalising.DROPOUT,
)
BIGGER = DeclaredRemedy(
    "bigger-network",
    "Use a bigger network: two to four times the units, 32 at least, or a first hidden layer where there is none",
    "Avoidable bias means that the net does not even fit its training rows.",
    f"{_SIZED}"
    f"least, small = {json.dumps(structure.ENOUGH)}, {json.dumps(structure.FOURFOLD)}\n\n\n"
    "def size_of(size, key):\n"
    "    return max(2 * size, min(4 * size, small[key]), least[key])\n\n\n"
    "def bigger(layer):\n"
    "    config = layer.get_config()\n"
    "    if layer in sized:\n"
    "        config |= {key: size_of(config[key], key) for key in sizes & config.keys()}\n"
    "    copy = layer.__class__.from_config(config)\n"
    "    if sized or layer not in heads or not layer.weights:\n"
    "        return copy\n"
    f"{network.AFTER_HIDDEN}\n\n\n"
    "old = model\nmodel = keras.models.clone_model(old, clone_function=bigger)  # fresh weights\n"
    f"{TRAIN}",
    "one training run",
    (yearning("bigger-network", "chapters 23 and 25"),),
    option=structure.BIGGER,
)
DEEPER = DeclaredRemedy(
    "deeper-network",
    "Use one hidden layer more",
    "A deeper net can combine features that one layer cannot.",
    "import keras\n\n"
    'plain = ("Dense", "Conv1D", "Conv2D", "Conv3D")\n'
    "last = [layer for layer in model.layers[:-1] if type(layer).__name__ in plain][-1]\n\n\n"
    "def repeated(layer):\n"
    "    config = layer.get_config()\n"
    "    copy = layer.__class__.from_config(config)\n"
    "    if layer is not last:\n"
    "        return copy\n"
    '    again = {"name": f"{layer.name}_again", "padding": "same", "strides": 1}\n'
    "    changed = config | {key: value for key, value in again.items() if key in config}\n"
    "    return keras.Sequential([copy, layer.__class__.from_config(changed)], name=layer.name)\n\n\n"
    "old = model\nmodel = keras.models.clone_model(old, clone_function=repeated)  # fresh weights\n"
    f"{TRAIN}",
    "one training run",
    (yearning("bigger-network", "chapters 23 and 25"),),
    option=structure.DEEPER,
)
SMALLER_BATCHES = DeclaredRemedy(
    "smaller-batches",
    "Train with smaller batches",
    "As many epochs then take more steps, and their noise keeps the net from narrow minima.",
    f"import keras\n\n{AFRESH}{COMPILE}\n" + fit(batch_size="$smaller_batch"),
    "one longer training run",
    option=optimizer.SMALLER_BATCHES,
)
ARCHITECTURE = DeclaredRemedy(
    "change-architecture",
    "Use an architecture known to work on this kind of data",
    "An architecture that fits the structure of the data needs fewer rows and generalises better.",
    "import keras\n\n"
    "# images: convolutions or a pretrained backbone; sequences: LSTM, GRU or attention\n"
    "# tables: embeddings for the categories\n"
    "backbone = keras.applications.MobileNetV3Small(include_top=False, weights=None, input_shape=(96, 96, 3))",
    "a new architecture and one training run",
    (yearning("change-architecture", "chapters 25 and 27"), fastai("generalizing-architecture")),
)
SMALLER = DeclaredRemedy(
    "smaller-network",
    "Use a smaller network",
    "This is a last resort against variance: a large network with regularisation usually does better.",
    f"{_SIZED}\n\n"
    "def narrower(layer):\n"
    "    config = layer.get_config()\n"
    "    if layer in sized:\n"
    "        config |= {key: max(config[key] // 2, 1) for key in sizes & config.keys()}\n"
    "    return layer.__class__.from_config(config)\n\n\n"
    "old = model\nmodel = keras.models.clone_model(old, clone_function=narrower)  # fresh weights\n"
    f"{TRAIN}",
    "one training run",
    (yearning("smaller-network", "chapter 27"), fastai("reduce-complexity")),
    option=structure.HALF_THE_UNITS,
)
USE_BASELINE = DeclaredRemedy(
    "use-baseline",
    "Find out why the baseline does better; until then, use the baseline",
    "A more expensive model should do better.",
    "from sklearn.ensemble import HistGradientBoosting$estimator\n\n"
    "baseline = HistGradientBoosting$estimator().fit(x_train.reshape(len(x_train), -1), y_train)",
    "an hour",
    (yearning("error analysis", "chapters 13-14"),),
)
BIGGER_DEV = DeclaredRemedy(
    "bigger-dev-set",
    "Enlarge the dev set, or compare by cross-validation",
    "The dev set cannot show differences smaller than its interval.",
    "from sklearn.model_selection import RepeatedStratifiedKFold\n\n"
    "folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=3)",
    DAYS,
    (yearning("size of the dev set", "chapter 7"),),
)
HOLD_OUT = DeclaredRemedy(
    "hold-out-dev-set",
    "Hold out a dev set and train again without it",
    "Only rows that training has not seen show the error on new rows, and what to do about it.",
    "import keras\nfrom sklearn.model_selection import train_test_split\n\n"
    "# rows that belong together (one patient, one hour) go to one side\n"
    "x_train, x_dev, y_train, y_dev = train_test_split(x_train, y_train, test_size=0.2, random_state=0)\n"
    + TRAIN_ON_SPLIT,
    "one line and one training run",
    (yearning("dev and test sets", "chapters 5-7"),),
)
TARGET_ERROR = DeclaredRemedy(
    "estimate-target-error",
    "Estimate the error that is possible, and pass it as --target-error",
    "How much of the train error is avoidable decides between a bigger net and more data; only you can know it.",
    "# label 100 dev rows by hand, or look up the error of people, of measurements, or of published models:\n"
    "# diagnose model.keras data/ --target-error 0.05",
    "an hour",
    (yearning("comparing to human-level performance", "chapters 22 and 33-35"),),
)
FIT_METRIC = DeclaredRemedy(
    "fit-metric",
    "Compile a metric of regression instead of accuracy",
    "The mean absolute error is in units of the target and falls as the model gets better.",
    'model.compile(optimizer=model.optimizer, loss=model.loss, metrics=["mae"])',
    "one line",
    (yearning("single-number evaluation metric", "chapter 8"),),
)
LESS_AUGMENTATION = DeclaredRemedy(
    "less-augmentation",
    "Weaken the augmentation, or train once without it",
    "Augmentation reduces variance; a net that does not fit its training rows first has to fit the plain ones.",
    "import keras\n\n\n"
    "def plain(layer):\n"
    '    random = type(layer).__name__.startswith(("Random", "RandAugment", "AugMix"))\n'
    "    if random and layer.input.shape == layer.output.shape:\n"
    "        return keras.layers.Identity(name=layer.name)\n"
    "    return layer.__class__.from_config(layer.get_config())\n\n\n"
    "old = model\nmodel = keras.models.clone_model(old, clone_function=plain)  # fresh weights\n"
    f"{TRAIN}",
    "a few lines and one training run",
    (yearning("reduce or eliminate regularization", "chapter 25"),),
    option=augmenting.NO_AUGMENTATION,
    lessens="augmentation",
)
FRESH_DEV = DeclaredRemedy(
    "fresh-dev-set",
    "Get a fresh dev set",
    "Choices made on the old one have overfitted it.",
    "# x_new, y_new: new rows from the distribution that test comes from\n"
    "x_dev, y_dev = x_new, y_new\n"
    "print(model.evaluate(x_dev, y_dev, verbose=0))",
    DAYS,
    (yearning("overfitting the dev set", "chapters 6, 11 and 12"),),
)
TRAIN_DEV = DeclaredRemedy(
    "train-on-target-data",
    "Add rows from the source of dev to training, and weight the rest less",
    "Train and dev come from different sources, and the net has learned the wrong one.",
    "import keras\nimport numpy as np\n\n"
    "# x_new, y_new: rows from the source of dev, none of them from dev itself\n"
    "weights = np.concatenate([np.full(len(x_train), 0.3), np.ones(len(x_new))])  # the share of the rest: try others\n"
    + _WITH_NEW_ROWS.replace(fit(), fit(sample_weight="weights")),
    DAYS,
    (yearning("data mismatch", "chapters 36-43"),),
)
READ_FINDINGS = DeclaredRemedy(
    "read-findings",
    "Read the findings: the model is sick, and no known cause explains it",
    "The report lists what was measured and which changes were tried; with more time, more are tried.",
    "# diagnose model.keras data/ --effort deep",
    "minutes",
)
LOOK_AT_CLASS = DeclaredRemedy(
    "look-at-class",
    "Look at the rows of the weak class first",
    "An average hides a class that is never recognised.",
    "import numpy as np\n\n"
    "predicted = model.predict(x_dev, verbose=0).argmax(axis=-1)\n"
    "print(np.unique(predicted, return_counts=True))",
    "an hour",
    (yearning("error analysis", "chapters 13-19"),),
)
