"""Remedies that change the data: inputs, labels and splits."""

from diagnose.diagnosis import Effect
from diagnose.findings import Interval
from diagnose.measurements import Evaluation, Measurements, SplitScores
from diagnose.reasoning.remedies import in_place
from diagnose.reasoning.remedies.declared import (
    AFRESH,
    COMPILE,
    TRAIN,
    TRAIN_ON_SPLIT,
    DeclaredRemedy,
    fit,
    rebuilt,
    yearning,
)
from diagnose.subject import Task
from diagnose.trials.interventions import data, rows


def _on_new_rows(measured: Measurements) -> tuple[Effect, ...]:
    """The dev error without the rows that train has as well: what the error on new rows is, no gain."""
    evaluation = measured.get(Evaluation)
    dev = evaluation.dev if isinstance(evaluation, Evaluation) else None
    if not isinstance(dev, SplitScores) or len(dev.scores) != 1 or len(dev.new) != 1:
        return ()
    (every,), (new,) = dev.scores, dev.new
    if every.task is Task.OWN_LOSS:
        return ()
    span = new.error_interval
    found = Effect(
        code="",
        what="no row of dev in train",
        before=every.error,
        after=new.error,
        interval=Interval(span.low - every.error, span.high - every.error, span.level),
        direction="sufficient",
        seeds=1,
        remedy="drop-shared-rows",
        metric="dev RMSE" if every.task is Task.REGRESSION else "dev error",
        forecast=True,
    )
    return (found,)


CLEAN_DATA = DeclaredRemedy(
    "clean-data",
    "Drop or impute the missing and infinite values",
    "One NaN in a batch makes the loss NaN, and then all weights.",
    "import keras\nimport numpy as np\n\n\n"
    "def finite(x, y):\n"
    "    rows = np.isfinite(x.reshape(len(x), -1)).all(axis=1)\n"
    "    return x[rows], y[rows]\n\n\n"
    "x_train, y_train = finite(x_train, y_train)  # the same for dev\n"
    f"{AFRESH}{TRAIN}",
    "a few lines and one training run",
)
SCALE_INPUTS = DeclaredRemedy(
    "scale-inputs",
    "Standardise the inputs inside the model and train again",
    "Inputs of very different or very large scale make the loss steep in some directions and flat in others, "
    "so no single learning rate suits them.",
    "import keras\nimport numpy as np\n\n"
    "axes = tuple(range(max(x_train.ndim - 1, 1)))  # by column, or by channel of an image\n"
    "mean, std = x_train.mean(axis=axes), x_train.std(axis=axes)\n"
    "norm = keras.layers.Normalization(mean=mean, variance=np.where(std > 0, std, 1) ** 2)\n"
    "old = model\n"
    "model = keras.Sequential([keras.Input(x_train.shape[1:]), norm, keras.models.clone_model(old)])  # fresh weights\n"
    f"{TRAIN}",
    "a few lines and one training run",
    trial=data.STANDARDISE_INPUTS,
    in_place=in_place.scaled_inputs,
)
SCALE_TARGETS = DeclaredRemedy(
    "scale-targets",
    "Standardise the targets, and scale predictions back",
    "A linear output starts near zero: it needs thousands of steps to reach large targets, and its gradients are as "
    "large as the targets.",
    "import keras\nimport numpy as np\n\n"
    "axes = tuple(range(max($y_train.ndim - 1, 1)))\n"
    "mean, std = $y_train.mean(axis=axes), $y_train.std(axis=axes)\n"
    "std = np.where(std > 0, std, 1)\n"
    "$y_train, $y_dev = ($y_train - mean) / std, ($y_dev - mean) / std\n"
    "old = model\nmodel = keras.models.clone_model(old)  # fresh weights\n"
    f"{TRAIN.replace('$optimizer', '$optimizer_after_scaling')}\n"
    "# after training: predictions = model.predict(x_dev)$of_output * std + mean",
    "a few lines and one training run",
    trial=data.STANDARDISE_TARGETS,
)
SAME_PREPROCESSING = DeclaredRemedy(
    "same-preprocessing",
    "Prepare the rows of every split as those that the weights were trained on; for a pretrained base, as it expects",
    "Weights only work for inputs prepared as in their training.",
    "import keras\n\n"
    "# under a frozen base of keras.applications: the preprocess_input of its family; then train the head again\n"
    "# for example, if training used pixels from 0 to 1 and the data holds 0 to 255\n"
    "old = model\n"
    "inputs = keras.Input(old.input_shape[1:])\n"
    "model = keras.Model(inputs, old(keras.layers.Rescaling(1 / 255)(inputs)))\n"
    "model.compile(loss=old.loss$metrics)",
    "one line",
)
SHUFFLE = DeclaredRemedy(
    "shuffle",
    "Shuffle the training rows in every epoch",
    "In random order, every batch resembles the whole training set, so each step improves the model on all of it.",
    "import keras\n\n"
    f"{AFRESH}{COMPILE}\n{fit(shuffle='True')}\n"
    "# a tf.data pipeline: .shuffle(number of rows) before .batch($batch_size)",
    "one line and one training run",
)
FIX_LABELS = DeclaredRemedy(
    "fix-labels",
    "Convert the labels to the format that the loss expects",
    "A sparse loss expects integers from 0 to K-1, a categorical loss one-hot rows, a binary loss 0 and 1.",
    "import keras\nimport numpy as np\n\n"
    "classes = np.unique(y_train)\n"
    "y_train, y_dev = (np.searchsorted(classes, y) for y in (y_train, y_dev))  # 0 ... K-1\n"
    f"{AFRESH}{TRAIN}",
    "a few lines and one training run",
    trial=data.NUMBER_CLASSES,
)
RENUMBER = DeclaredRemedy(
    "renumber-classes",
    "Number the classes as in training",
    "The model tells the classes apart; only their numbers differ, so it needs no new training.",
    "import numpy as np\nfrom scipy.optimize import linear_sum_assignment\n\n"
    "labels = np.argmax(y_train, axis=-1) if np.squeeze(y_train).ndim == 2 else np.ravel(y_train).astype(int)\n"
    "outputs = model.predict(x_train)\n"
    "predicted = outputs.argmax(-1) if outputs.shape[-1] > 1 else np.ravel(outputs > 0.5).astype(int)\n"
    "counts = np.zeros((max(labels.max(), predicted.max()) + 1,) * 2)\n"
    "np.add.at(counts, (labels, predicted), 1)\n"
    "_, order = linear_sum_assignment(counts, maximize=True)\n"
    "print(order)  # by number in the data: the number in training\n"
    "y_train = order[labels]  # better: name the classes in the same order wherever the data is loaded",
    "one line",
)
CHECK_PAIRING = DeclaredRemedy(
    "check-pairing",
    "Check that rows and labels belong together, and that the inputs can predict the target",
    "If labels are paired with the wrong rows, or the inputs hold no signal, no network can learn the target.",
    "import numpy as np\n\n"
    "for row in np.random.default_rng(0).choice(len(x_train), 10, replace=False):\n"
    "    print(row, x_train[row], y_train[row])  # could a person predict y from x?",
    "an hour",
    (yearning("change input features", "chapters 13-14, error analysis"),),
)
FLIP_TOGETHER = DeclaredRemedy(
    "move-together",
    "Flip, crop and shift inputs and their masks or tags together, and train again",
    "A move of one without the other teaches the net that the answer lies elsewhere.",
    "import numpy as np\n\n\n"
    "def flipped(pictures, masks, rng=np.random.default_rng(0)):\n"
    "    chosen = rng.random(len(pictures)) < 0.5\n"
    "    pictures, masks = pictures.copy(), masks.copy()\n"
    "    pictures[chosen], masks[chosen] = pictures[chosen, :, ::-1], masks[chosen, :, ::-1]\n"
    "    return pictures, masks\n\n\n"
    "# x_train, y_train = flipped(x_train, y_train)  # from the rows as they were before the augmentation",
    "a few lines and one training run",
)
REJOIN_SPLITS = DeclaredRemedy(
    "resplit",
    "Re-split so that no row or group is in two splits and every class is in all",
    "Shared rows make the dev error too low; classes that train lacks cannot be learned.",
    "import keras\nimport numpy as np\nfrom sklearn.model_selection import GroupShuffleSplit\n\n"
    "x, y = np.concatenate([x_train, x_dev]), np.concatenate([y_train, y_dev])\n"
    "# equal rows stay together; where rows have an owner (patient, speaker, shop), use the owners as groups\n"
    "groups = np.unique(x.reshape(len(x), -1), axis=0, return_inverse=True)[1].ravel()\n"
    "train, dev = next(GroupShuffleSplit(test_size=0.2, random_state=0).split(x, y, groups))\n"
    f"x_train, x_dev, y_train, y_dev = x[train], x[dev], y[train], y[dev]\n{TRAIN_ON_SPLIT}",
    "a few lines and one training run",
    (yearning("dev and test sets from one distribution", "chapters 5-6"),),
)
SPLIT_BY_KEY = DeclaredRemedy(
    "split-by-group-or-time",
    "Keep each group in one split, and train only on rows older than dev and test",
    "New rows will come from new groups and later times, so dev should too.",
    "import keras\nimport numpy as np\nfrom sklearn.model_selection import GroupShuffleSplit\n\n"
    "# groups: for each row of train and dev, whose it is (the patient, the speaker, the shop)\n"
    "x, y = np.concatenate([x_train, x_dev]), np.concatenate([y_train, y_dev])\n"
    "train, dev = next(GroupShuffleSplit(test_size=0.2, random_state=0).split(x, y, groups))\n"
    "# by time instead: order = times.argsort(); train, dev = order[: int(0.8 * len(x))], order[int(0.8 * len(x)) :]\n"
    f"x_train, x_dev, y_train, y_dev = x[train], x[dev], y[train], y[dev]\n{TRAIN_ON_SPLIT}",
    "a few lines and one training run",
    (yearning("dev and test sets that reflect the data you expect in the future", "chapters 5-6"),),
)
DROP_SHARED = DeclaredRemedy(
    "drop-shared-rows",
    "Take the rows that are also in dev out of train, and train again from fresh weights",
    "The error on dev rows that were trained on says nothing about new ones; without their copies in train it does.",
    "import keras\nimport numpy as np\n\n"
    "shared = {row.tobytes() for row in np.ascontiguousarray(x_dev)}\n"
    "kept = np.array([row.tobytes() not in shared for row in np.ascontiguousarray(x_train)])\n"
    "x_train, y_train = x_train[kept], y_train[kept]\n"
    f"{AFRESH}{TRAIN}",
    "a few lines and one training run",
    (yearning("dev and test sets that reflect the data you expect in the future", "chapters 5-6"),),
    in_place=in_place.nothing_shared,
    measured=_on_new_rows,
)
DROP_SUSPECTS = DeclaredRemedy(
    "drop-suspect-labels",
    "Leave out the training rows whose label their nearest rows contradict, or label them again",
    "A net that has to fit wrong labels learns them by heart (Northcutt et al. 2021, arXiv:1911.00068).",
    "import keras\nimport numpy as np\nfrom sklearn.neighbors import NearestNeighbors\n\n"
    "columns = x_train.reshape(len(x_train), -1).astype('float32')\n"
    f"if columns.shape[1] <= {data.TABLE}:  # with more, they are pixels in one unit\n"
    "    columns = columns / np.where(columns.std(axis=0) > 0, columns.std(axis=0), 1)\n"
    "one_hot = y_train.ndim > 1 and y_train.shape[-1] > 1\n"
    "labels = y_train.argmax(axis=-1) if one_hot else np.ravel(y_train).astype(int)\n"
    f"nearest = NearestNeighbors(n_neighbors={rows.NEAREST}).fit(columns).kneighbors(return_distance=False)\n"
    "votes = np.eye(labels.max() + 1)[labels[nearest]].sum(axis=1)  # of the rows around each row\n"
    "votes[np.arange(len(labels)), labels] = 0\n"
    f"suspect = votes.max(axis=1) >= {rows.AGREE}\n"
    "print(np.flatnonzero(suspect)[:20], 'have', labels[suspect][:20], 'not', votes[suspect][:20].argmax(axis=1))\n"
    "x_train, y_train = x_train[~suspect], y_train[~suspect]\n"
    f"{AFRESH}{TRAIN}",
    "a few lines and one training run",
    (yearning("clean up mislabelled examples", "chapter 16"),),
    tasks=frozenset({Task.BINARY, Task.MULTICLASS}),
    option=rows.WITHOUT_SUSPECTS,
)
EACH_ROW_ONCE = DeclaredRemedy(
    "drop-copies",
    "Train on each row once, with the most frequent of its labels",
    "A row that is there many times outweighs the others, and copies with other labels contradict each other.",
    "import keras\nimport numpy as np\n\n"
    "_, same = np.unique(x_train.reshape(len(x_train), -1), axis=0, return_inverse=True)\n"
    "both = np.column_stack([np.ravel(same), y_train.reshape(len(y_train), -1)])\n"
    "_, alike, counts = np.unique(both, axis=0, return_inverse=True, return_counts=True)\n"
    "order = np.lexsort((-counts[np.ravel(alike)], np.ravel(same)))  # by row, its most frequent label first\n"
    "kept = np.sort(order[np.r_[True, np.diff(np.ravel(same)[order]) != 0]])\n"
    "x_train, y_train = x_train[kept], y_train[kept]\n"
    f"{AFRESH}{TRAIN}",
    "a few lines and one training run",
    (yearning("clean up mislabelled examples", "chapter 16"),),
    option=rows.EACH_ROW_ONCE,
)
RESHUFFLE = DeclaredRemedy(
    "reshuffle",
    "Shuffle the rows before they are split, unless they follow each other in time",
    "The last rows of sorted data are not like the others; `validation_split` takes them as they stand.",
    "import keras\nimport numpy as np\nfrom sklearn.model_selection import train_test_split\n\n"
    "# only if rows do not depend on their neighbours in time; for classes also: stratify=y\n"
    "x, y = np.concatenate([x_train, x_dev]), np.concatenate([y_train, y_dev])\n"
    f"x_train, x_dev, y_train, y_dev = train_test_split(x, y, test_size=0.2, random_state=0)\n{TRAIN_ON_SPLIT}",
    "a few lines and one training run",
    (yearning("dev and test sets from one distribution", "chapters 5-6"),),
)
LEVEL_FEATURES = DeclaredRemedy(
    "level-features",
    "Predict the change instead of the level, from inputs without a trend",
    "A network does not extrapolate: values beyond those of training come out as the largest it has seen. Differences "
    "from the last known value stay in one range while the level rises.",
    "import keras\n\n\n"
    "def changes(x, y):  # series of shape (rows, steps, features), the target's own values in feature 0\n"
    "    last = x[:, -1:, :1]\n"
    "    return x - last, y.reshape(len(y), -1) - last[:, :, 0]\n\n\n"
    "(x_train, y_train), (x_dev, y_dev) = changes(x_train, y_train), changes(x_dev, y_dev)\n"
    f"{AFRESH}{TRAIN}\n"
    "# after training: prediction = model.predict(x - x[:, -1:, :1]) + x[:, -1, :1]",
    "a few lines and one training run",
    (yearning("dev and test sets that reflect the data you expect in the future", "chapters 5-6"),),
    tasks=frozenset({Task.REGRESSION}),
)
LONGER_WINDOWS = DeclaredRemedy(
    "longer-windows",
    "Give the model the rows before as well: longer windows",
    "What happened before the first step of a window does not exist for the model.",
    "import numpy as np\nimport keras\n\n"
    "steps = 6  # this row and five before it, in time order\n"
    "rows = x_train.reshape(len(x_train), -1)\n"
    "windows = np.stack([rows[i : len(rows) - steps + 1 + i] for i in range(steps)], axis=1)\n"
    "targets = y_train[steps - 1 :]  # of the last row of each window\n"
    "# build the model again with keras.Input((steps, rows.shape[1])), and make the windows of dev in the same way",
    "a few lines and one training run",
    (yearning("change input features", "chapters 13-14, error analysis"),),
)
WEIGH_CLASSES = DeclaredRemedy(
    "weigh-classes",
    "Use a metric that reflects the rare class, then weight its rows or positions",
    "Accuracy and the plain loss reward ignoring a rare class.",
    "import keras\nimport numpy as np\n\n"
    "# recall, IoU or dice of the rare class show what accuracy hides\n"
    "columns = y_train.shape[-1] if y_train.ndim > 1 else 1\n"
    "one_hot = columns > 1 and bool((y_train.sum(axis=-1) == 1).all())\n"
    "labels = y_train.argmax(axis=-1) if one_hot else np.rint(y_train).astype(int)\n"
    "labels = labels[..., 0] if columns == 1 and labels.ndim > 1 else labels\n"
    "_, number, counts = np.unique(labels, return_inverse=True, return_counts=True)\n"
    "weights = np.sqrt(labels.size / (len(counts) * counts))[number].reshape(labels.shape)\n"
    f"{AFRESH}{COMPILE}\n{fit(sample_weight='weights')}",
    "one training run",
    (yearning("pick a metric that ranks as you do", "chapters 8-11"),),
    tasks=frozenset({Task.BINARY, Task.MULTICLASS}),
    trial=data.WEIGH_POSITIONS,
)
MOVE_THRESHOLD = DeclaredRemedy(
    "move-threshold",
    "Choose the threshold of the rare class on dev, by the measure that matters",
    "The probability of a rare class seldom exceeds one half, even where the model tells it apart.",
    "import numpy as np\n\n"
    "given, truth = model.predict(x_dev, verbose=0).ravel(), np.asarray(y_dev).ravel() > 0.5\n"
    "thresholds = np.linspace(0.02, 0.98, 49)\n"
    "dice = [2 * (truth & (given > t)).sum() / max(truth.sum() + (given > t).sum(), 1) for t in thresholds]\n"
    "print(thresholds[np.argmax(dice)], max(dice))",
    "a few lines",
    (yearning("pick a metric that ranks as you do", "chapters 8-11"),),
    tasks=frozenset({Task.BINARY, Task.MULTILABEL}),
)
FOCAL_LOSS = DeclaredRemedy(
    "focal-loss",
    "Train with the focal loss, which weighs down what is already right",
    "The many easy examples of the large class then no longer drown the few of the rare one.",
    "import keras\n\n"
    f"{AFRESH}"
    "focal = keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.9, from_logits=$from_logits)\n"
    + TRAIN.replace("old.loss", "focal"),
    "one line and one training run",
    tasks=frozenset({Task.BINARY, Task.MULTILABEL}),
    in_place=in_place.loss_is("focal"),
)
DICE_LOSS = DeclaredRemedy(
    "dice-loss",
    "Add the dice loss, which measures the overlap of the masks",
    "Dice does not count the positions that are rightly left as background.",
    "import keras\n\n\n"
    "def overlap(y_true, y_pred):  # y_pred: probabilities\n"
    "    y_true = keras.ops.cast(y_true, y_pred.dtype)\n"
    "    return keras.losses.binary_crossentropy(y_true, y_pred) + keras.losses.dice(y_true, y_pred)\n\n\n"
    f"{AFRESH}" + TRAIN.replace("old.loss", "overlap"),
    "a few lines and one training run",
    tasks=frozenset({Task.BINARY}),
    in_place=in_place.loss_is("dice"),
)
MASK_PADDING = DeclaredRemedy(
    "mask-padding",
    "Let the embedding mask the padding",
    "Layers and the loss then skip padded positions.",
    rebuilt("masked", '    if type(layer).__name__ == "Embedding":\n        config["mask_zero"] = True\n'),
    "one line and one training run",
    in_place=in_place.masked,
)
WEIGH_PADDING = DeclaredRemedy(
    "weigh-padding",
    "Give padded positions a weight of 0",
    "This also works where a layer does not support masks.",
    "import keras\nimport numpy as np\n\n"
    'weights = (np.asarray(x_train) != 0).astype("float32")  # one weight for each token\n'
    f"{AFRESH}{COMPILE}\n{fit(sample_weight='weights')}\n"
    "# or let the loss skip the class of the padding: SparseCategoricalCrossentropy(ignore_class=0)",
    "one line and one training run",
)
ADAPT_VOCABULARY = DeclaredRemedy(
    "adapt-vocabulary",
    "Adapt the layers that number words to the training texts, without a low limit, and train again",
    "All words that are not in the vocabulary become the same one.",
    "import keras\n\n"
    "kinds = (keras.layers.TextVectorization, keras.layers.StringLookup, keras.layers.IntegerLookup)\n"
    "for layer in model.layers:\n"
    "    if isinstance(layer, kinds):\n"
    '        config = layer.get_config() | {"max_tokens": None, "pad_to_max_tokens": False, "vocabulary": None}\n'
    "        fresh = type(layer).from_config(config)\n"
    "        fresh.adapt(x_train)\n"
    "        print(layer.name, layer.vocabulary_size(), 'entries, now', fresh.vocabulary_size())\n"
    "# then build the model with these layers and an Embedding(input_dim) of their size, and train again",
    "a few lines and one training run",
)
WHOLE_TEXTS = DeclaredRemedy(
    "whole-texts",
    "Let the text layer keep longer texts, and train again",
    "A length that most texts fit into costs little where padding is masked.",
    "import keras\n\n"
    "for layer in model.layers:\n"
    "    if isinstance(layer, keras.layers.TextVectorization):\n"
    '        config = layer.get_config() | {"output_sequence_length": None}\n'
    "        whole = type(layer).from_config(config)\n"
    "        whole.set_vocabulary(layer.get_vocabulary())\n"
    "        print(layer.name, 'needs output_sequence_length up to', whole(x_train).shape[1])\n"
    "# then build the model with that length and train again",
    "a few lines and one training run",
)
FIX_TOKENS = DeclaredRemedy(
    "fix-tokens",
    "Match the size of the embedding to the vocabulary",
    "An id outside the embedding's table has no vector.",
    "tokens = int(max(x_train.max(), x_dev.max())) + 1\nprint('Embedding needs input_dim >=', tokens)",
    "one line and one training run",
)
