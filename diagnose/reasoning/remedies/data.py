"""Remedies that change the data: inputs, labels and splits."""

from diagnose.reasoning.remedies.declared import COMPILE, DeclaredRemedy, yearning
from diagnose.subject import Task
from diagnose.trials.interventions import data

CLEAN_DATA = DeclaredRemedy(
    "clean-data",
    "Drop or impute the missing and infinite values",
    "One NaN in a batch makes the loss NaN, and then all weights.",
    "import numpy as np\n\n"
    "finite = np.isfinite(x_train.reshape(len(x_train), -1)).all(axis=1)\n"
    "x_train, y_train = x_train[finite], y_train[finite]",
    "a few lines",
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
    f"{COMPILE}",
    "a few lines and one training run",
    trial=data.STANDARDISE_INPUTS,
)
SCALE_TARGETS = DeclaredRemedy(
    "scale-targets",
    "Standardise the targets, and scale predictions back",
    "A linear output starts near zero: it needs thousands of steps to reach large targets, and its gradients are as "
    "large as the targets.",
    "import numpy as np\n\n"
    "axes = tuple(range(max(y_train.ndim - 1, 1)))\n"
    "mean, std = y_train.mean(axis=axes), y_train.std(axis=axes)\n"
    "std = np.where(std > 0, std, 1)\n"
    "y_train, y_dev = (y_train - mean) / std, (y_dev - mean) / std\n"
    "# after training: predictions = model.predict(x_dev) * std + mean",
    "a few lines and one training run",
    trial=data.STANDARDISE_TARGETS,
)
SAME_PREPROCESSING = DeclaredRemedy(
    "same-preprocessing",
    "Use the preprocessing of the training, fitted on train, for every split",
    "Weights only work for inputs prepared as in training.",
    "import keras\n\n"
    "# for example, if training used pixels from 0 to 1 and the data holds 0 to 255\n"
    "old = model\n"
    "inputs = keras.Input(old.input_shape[1:])\n"
    "model = keras.Model(inputs, old(keras.layers.Rescaling(1 / 255)(inputs)))\n"
    "model.compile(loss=old.loss)",
    "one line",
)
SHUFFLE = DeclaredRemedy(
    "shuffle",
    "Shuffle the training rows in every epoch",
    "In random order, every batch resembles the whole training set, so each step improves the model on all of it.",
    "import tensorflow as tf\n\n"
    "model.fit(x_train, y_train, shuffle=True)\n"
    "# a tf.data pipeline: with a buffer as large as the data\n"
    "rows = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(len(x_train)).batch(32)",
    "one line",
)
FIX_LABELS = DeclaredRemedy(
    "fix-labels",
    "Convert the labels to the format that the loss expects",
    "A sparse loss expects integers from 0 to K-1, a categorical loss one-hot rows, a binary loss 0 and 1.",
    "import numpy as np\n\n"
    "classes, y_train = np.unique(y_train, return_inverse=True)  # 0 ... K-1\n"
    "y_dev = np.searchsorted(classes, y_dev)",
    "a few lines",
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
REJOIN_SPLITS = DeclaredRemedy(
    "resplit",
    "Re-split so that no row or group is in two splits and every class is in all",
    "Shared rows make the dev error too low; classes that train lacks cannot be learned.",
    "import numpy as np\nfrom sklearn.model_selection import GroupShuffleSplit\n\n"
    "x, y = np.concatenate([x_train, x_dev]), np.concatenate([y_train, y_dev])\n"
    "# equal rows stay together; where rows have an owner (patient, speaker, shop), use the owners as groups\n"
    "groups = np.unique(x.reshape(len(x), -1), axis=0, return_inverse=True)[1].ravel()\n"
    "train, dev = next(GroupShuffleSplit(test_size=0.2, random_state=0).split(x, y, groups))\n"
    "x_train, x_dev, y_train, y_dev = x[train], x[dev], y[train], y[dev]",
    "a few lines and one training run",
    (yearning("dev and test sets from one distribution", "chapters 5-6"),),
)
SPLIT_BY_KEY = DeclaredRemedy(
    "split-by-group-or-time",
    "Keep each group in one split, and train only on rows older than dev and test",
    "New rows will come from new groups and later times, so dev should too.",
    "import numpy as np\nfrom sklearn.model_selection import GroupShuffleSplit\n\n"
    "# groups: for each row of train and dev, whose it is (the patient, the speaker, the shop)\n"
    "x, y = np.concatenate([x_train, x_dev]), np.concatenate([y_train, y_dev])\n"
    "train, dev = next(GroupShuffleSplit(test_size=0.2, random_state=0).split(x, y, groups))\n"
    "# by time instead: order = times.argsort(); train, dev = order[: int(0.8 * len(x))], order[int(0.8 * len(x)) :]\n"
    "x_train, x_dev, y_train, y_dev = x[train], x[dev], y[train], y[dev]",
    "a few lines and one training run",
    (yearning("dev and test sets that reflect the data you expect in the future", "chapters 5-6"),),
)
RESHUFFLE = DeclaredRemedy(
    "reshuffle",
    "Shuffle the rows before they are split, unless they follow each other in time",
    "The last rows of sorted data are not like the others; `validation_split` takes them as they stand.",
    "import numpy as np\nfrom sklearn.model_selection import train_test_split\n\n"
    "# only if rows do not depend on their neighbours in time; for classes also: stratify=y\n"
    "x, y = np.concatenate([x_train, x_dev]), np.concatenate([y_train, y_dev])\n"
    "x_train, x_dev, y_train, y_dev = train_test_split(x, y, test_size=0.2, random_state=0)",
    "a few lines and one training run",
    (yearning("dev and test sets from one distribution", "chapters 5-6"),),
)
LEVEL_FEATURES = DeclaredRemedy(
    "level-features",
    "Predict the change instead of the level, from inputs without a trend",
    "A network does not extrapolate: values beyond those of training come out as the largest it has seen. Differences "
    "from the last known value stay in one range while the level rises.",
    "last = x_train[:, -1:, :1]  # series of shape (rows, steps, features), the target's own values in feature 0\n"
    "x_train, y_train = x_train - last, y_train.reshape(len(y_train), -1) - last[:, :, 0]\n"
    "# the same for dev; after training: prediction = model.predict(x) + last[:, :, 0]",
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
    "Use a metric that reflects the rare class, then weight the classes",
    "Accuracy rewards ignoring a rare class.",
    "import numpy as np\n\n"
    "labels = np.asarray(y_train).ravel().astype(int)\n"
    "counts = np.bincount(labels)\n"
    "class_weight = {k: len(labels) / (len(counts) * n) for k, n in enumerate(counts) if n}\n"
    "# model.fit(x_train, y_train, class_weight=class_weight)",
    "one training run",
    (yearning("pick a metric that ranks as you do", "chapters 8-11"),),
)
FIX_TOKENS = DeclaredRemedy(
    "fix-tokens",
    "Match the size of the embedding to the vocabulary",
    "An id outside the embedding's table has no vector.",
    "tokens = int(max(x_train.max(), x_dev.max())) + 1\nprint('Embedding needs input_dim >=', tokens)",
    "one line and one training run",
)
