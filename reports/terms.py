"""The terms of the report with their meanings."""

GLOSSARY = {
    "avoidable bias": "The train error above what is possible (the target error or the best baseline). A model that "
    "fits better reduces it; more data does not.",
    "variance": "How much larger the error is on unseen rows of the same kind than on the training rows. More data "
    "or more regularisation reduces it.",
    "data mismatch": "How much larger the error is on dev than on unseen rows from the source of train (train-dev). "
    "It shows that dev and train come from different sources.",
    "train-dev": "Rows from the same source as train that were not used for training. They separate variance from "
    "data mismatch.",
    "dev set": "Rows that were not used for training, to compare models and choose settings. Also called validation "
    "set.",
    "test set": "Rows used only once, for a final unbiased evaluation.",
    "skill": "A score of the model: 0 is as good as the best constant prediction, 1 is perfect.",
    "constant prediction": "The best prediction that ignores the input: the most frequent class or the mean target. "
    "A model that is no better has learned nothing.",
    "baseline": "A simple scikit-learn model trained on the same rows. It shows what is possible without a neural "
    "network.",
    "target error": "The error you want to reach, given with --target-error.",
    "learning rate range test": "A short training in which the learning rate increases step by step. The loss shows "
    "which rates are too small, usable or too large.",
    "learning rate": "The size of a training step, as a factor on the gradient.",
    "fresh weights": "New random weights from the initializers of the model, before any training.",
    "replay": "A short training of a copy, from fresh weights, with your data and your settings.",
    "spread": "Standard deviation of all output values of a layer.",
    "dead unit": "A ReLU unit that outputs zero for every row. It gets no gradient, so it cannot recover.",
    "saturated": "In the flat part of a sigmoid or tanh, where hardly any gradient passes.",
    "receptive field": "The number of input positions that one output value of a layer depends on.",
    "initializer": "The rule for the initial weights of a layer.",
    "logits": "The outputs before softmax or sigmoid. The loss must know whether it gets logits or probabilities.",
    "rmse": "Root mean squared error, in units of the target.",
    "disease": "A fault that can be repaired.",
    "direction": "Where the remaining error comes from: bias, variance or data. It decides what to try next.",
    "confirmed": "In an experiment, its repair restored learning.",
    "confidence": "The probability that a cause is right, fitted on models with planted faults.",
    "suspected": "The evidence points to it, but no experiment was run.",
    "inconclusive": "An experiment was run, but the result is unclear.",
    "ruled out": "In experiments, its repair had no effect, neither alone nor on top of another one.",
    "payoff": "The improvement by a remedy, measured in a short training with and without it.",
}
ALSO = {"validation set": "dev set"}
# Words of the field that stand in tables and figures. `diagnose explain` knows them; sentences do not mark them.
FIELD = {
    "error rate": "The share of the rows (or positions) whose predicted class is wrong: 1 less the accuracy.",
    "accuracy": "The share of the rows whose predicted class is right. A class that most rows have makes it high by "
    "itself: compare it with the constant prediction.",
    "loss": "The number that training lowers, as compiled, with penalties. Smaller is better; its size means little "
    "across different losses.",
    "compiled metric": "A metric that was passed to `compile`. It is computed on the same rows as the loss, without "
    "training.",
    "precision": "Of the rows that the model takes for a class, the share that are of this class. It is low where the "
    "class is predicted too often.",
    "recall": "Of the rows of a class, the share that the model recognises. It is low where the class is missed.",
    "F1 score": "The harmonic mean of precision and recall of a class: high only if both are. For masks it is called "
    "dice.",
    "IoU": "Intersection over union: the positions where prediction and truth both have a class, over those where "
    "either has it. It is F1 / (2 - F1), so it ranks classes alike.",
    "macro average": "The mean over the classes, each with the same weight, so that a rare class counts as much as a "
    "common one.",
    "confusion matrix": "Counts of rows by actual class (rows) and predicted class (columns). What is off the diagonal "
    "is wrong; a dark cell there is a pair that the model confuses.",
    "calibration": "Whether stated probabilities come true: of the rows that are predicted with 80 %, 80 % should be "
    "right. In the reliability diagram, points below the diagonal are overconfident.",
    "ROC curve": "For every threshold, the share of positives that are found against the share of negatives that are "
    "taken for them. AUC is the area below it: 0.5 is guessing, 1 is perfect.",
    "precision-recall curve": "For every threshold, the precision at a recall. It shows more than the ROC curve where "
    "positives are rare.",
    "residual": "The prediction less the target. Residuals around 0 for all predictions are good; a trend means that "
    "something systematic is missing.",
    "interval": "In brackets: the range that holds the true value in 95 of 100 such examinations (95 %, unless "
    "stated). It is wide where few rows or seeds were used.",
    "epoch": "One pass over all training rows: rows / batch size steps.",
    "step": "One update of the weights, from one batch.",
    "batch size": "The number of training rows in one step.",
    "seed": "The number that all random choices follow: initial weights, order of rows, dropout. Trainings that differ "
    "in the seed only show what is luck.",
    "gradient": "The direction in which a weight raises the loss, and how fast. A step goes against it.",
    "gradient norm": "The length of the gradient over all weights. It vanishes if nothing is learned and explodes if "
    "steps diverge.",
    "update-to-weight ratio": "The size of a step's change of a layer over the size of its weights; 0.001 is usual.",
    "activation": "An output of a unit for a row.",
    "weight": "A number that training changes: a parameter of a layer.",
    "mean absolute error": "The mean size of the residuals, in units of the target.",
    "optimizer": "The rule that turns gradients into steps: SGD, Adam and others, with their settings.",
    "momentum": "The share of the last step that the next one keeps. For BatchNormalization: the share of the moving "
    "statistics that a batch keeps.",
    "regularisation": "What makes memorising rows harder, at the cost of some train error: weight decay, penalties, "
    "dropout, augmentation, early stopping.",
    "weight decay": "A pull of all weights towards zero in every step.",
    "dropout": "In training, units are left out at random, so that none can be relied on; the rate is their share.",
    "augmentation": "In training, rows are changed at random in ways that keep their label: shifted or rotated "
    "pictures.",
    "early stopping": "Training ends when the dev error no longer falls, and the weights of the best epoch are kept.",
    "moving statistics": "The means and variances that BatchNormalization keeps for inference. They follow those of "
    "the batches with a lag.",
    "learning curve": "The error by epoch (how training goes), or by training rows (what more data would bring).",
    "overfit one batch": "A training on one batch only. A sound model memorises it; one that cannot has a fault.",
    "signal": "What the inputs tell about the target. Without any, no model does better than a constant prediction.",
    "near-duplicate": "A row that is almost equal to one of another split, so that its error is too low.",
    "finding": "A measured statement of what is, with its value, threshold and interval.",
    "cause": "A fault, or a direction of the remaining error, that explains findings.",
    "remedy": "A change against a cause, with code that does it.",
    "trial": "Two or more short trainings that differ in one change only, to see what it brings.",
    "alarm threshold": "The value at which a check reports a finding.",
    "healthy range": "The values that sound models have there; shaded in figures.",
    "effort": "How much is measured: quick trains nothing, standard trains a little, deep tries every remedy.",
    "seen in training": "Whether the loaded weights may have been trained on the rows of this split.",
    "logistic regression": "A baseline: a linear classifier, one layer with a softmax.",
    "ridge": "A baseline: a linear regression with a penalty on large weights.",
    "nearest neighbours": "A baseline: the answer of the most similar training rows.",
    "gradient boosting": "A baseline: many small decision trees, each correcting those before. Strong on tables.",
}
# Words that people ask for, but that mean other things as well in a text.
ASKED = {
    "lr": "learning rate",
    "bias": "avoidable bias",
    "learning rate finder": "learning rate range test",
    "error": "error rate",
    "acc": "accuracy",
    "metric": "compiled metric",
    "positive predictive value": "precision",
    "sensitivity": "recall",
    "true positive rate": "recall",
    "f1": "F1 score",
    "f score": "F1 score",
    "dice": "F1 score",
    "jaccard": "IoU",
    "intersection over union": "IoU",
    "macro recall": "macro average",
    "macro iou": "macro average",
    "macro dice": "macro average",
    "confusion": "confusion matrix",
    "taken for": "confusion matrix",
    "reliability": "calibration",
    "reliability diagram": "calibration",
    "ece": "calibration",
    "expected calibration error": "calibration",
    "roc": "ROC curve",
    "auc": "ROC curve",
    "precision by recall": "precision-recall curve",
    "confidence interval": "interval",
    "95 % interval": "interval",
    "iteration": "step",
    "batch": "batch size",
    "grad norm": "gradient norm",
    "saturation": "saturated",
    "memorise one batch": "overfit one batch",
    "best constant for these rows": "constant prediction",
    "constant": "constant prediction",
    "best baseline": "baseline",
    "target": "target error",
    "mse": "rmse",
    "mae": "mean absolute error",
    "regularization": "regularisation",
    "data augmentation": "augmentation",
    "regularise": "regularisation",
    "trials": "trial",
    "difference": "payoff",
}


def meaning(text: str) -> tuple[str, str] | None:
    """A term of the glossary or a word of the field, and its meaning; also for its plural or a synonym.

    None for other words.
    """
    asked = text.lower().replace("-", " ")
    name = ASKED.get(asked, ASKED.get(asked.removesuffix("s"), text))
    for word, told in FIELD.items():
        if _plain(name) in (_plain(word), f"{_plain(word)}s"):
            return word, told
    try:
        name = canonical(name)
    except KeyError:
        return None
    return name, GLOSSARY[name]


def _plain(word: str) -> str:
    return word.lower().replace("-", " ")


def canonical(text: str) -> str:
    """The name of a term in the glossary.

    Raises:
        KeyError: it is not in the glossary.
    """
    name = text.lower().replace("-", " ")
    for candidate in (name, name.removesuffix("s"), text.lower(), text.lower().removesuffix("s")):
        if candidate in GLOSSARY:
            return candidate
        if candidate in ALSO:
            return ALSO[candidate]
    raise KeyError(text)
