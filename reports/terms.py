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
# Words that people ask for, but that mean other things as well in a text.
ASKED = {"lr": "learning rate", "bias": "avoidable bias", "learning rate finder": "learning rate range test"}


def meaning(text: str) -> tuple[str, str] | None:
    """A term of the glossary and its meaning, for the term, its plural or a synonym; None for other words."""
    try:
        name = canonical(ASKED.get(text.lower().replace("-", " "), text))
    except KeyError:
        return None
    return name, GLOSSARY[name]


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
