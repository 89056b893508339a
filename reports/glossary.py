"""The glossary of the report. The page marks each term at its first use in a section."""

import re

from markupsafe import Markup

from diagnose.reports.svg import joined, tag

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
    "confirmed": "In an experiment, this change alone restored learning.",
    "suspected": "The evidence points to it, but no experiment was run.",
    "inconclusive": "An experiment was run, but the result is unclear.",
    "ruled out": "In an experiment, this change alone had no effect.",
    "payoff": "The improvement by a remedy, measured in a short training with and without it.",
}
ALSO = {"validation set": "dev set"}

_COMMON = {"disease", "direction"}  # also everyday words, so they are only marked explicitly
_NAMES = sorted({*GLOSSARY, *ALSO} - _COMMON, key=len, reverse=True)
_TERM = "|".join(re.escape(name).replace(r"\ ", r"[ -]") + ("s?" if name[-1] != "s" else "") for name in _NAMES)
# Text that must not wrap: 90 %, 6e-05, --dev PATH.
_KEPT = (
    r"(?<![\w.])\d[\d.,]*(?:e[-−+]?\d+| %|–\d[\d.,]*)|(?<![\w-])--[a-z][a-z-]+(?: (?:[A-Z]{2,}|quick|standard|deep)\b)?"
)
_NUMBER = re.compile(f"({_KEPT})")
_PIECE = re.compile(rf"(?P<number>{_KEPT})|(?<![\w-])(?P<term>{_TERM})(?![\w-])", re.IGNORECASE)
_EXPONENT = re.compile(r"e([-−+]?)0*(\d+)$")


class Words:
    """Turns text into HTML: terms become buttons that show their meaning, and numbers such as 90 % do not wrap.

    Each term is marked once per section; `section` starts a new one. `used` collects the terms that the page explains.
    """

    def __init__(self) -> None:
        self.used: dict[str, str] = {}
        self._marked_terms: set[str] = set()

    def section(self) -> str:
        """Start a new section. Returns "", for use in a template."""
        self._marked_terms.clear()
        return ""

    def plain(self, text: str) -> Markup:
        """The text without marked terms, for headings and links. Numbers and options do not wrap."""
        return joined(_whole(part) if n % 2 else part for n, part in enumerate(_NUMBER.split(text)))

    def __call__(self, text: str) -> Markup:
        parts: list[str | Markup] = []
        end = 0
        for piece in _PIECE.finditer(text):
            parts += [text[end : piece.start()], self._marked(piece)]
            end = piece.end()
        return joined([*parts, text[end:]])

    def _marked(self, piece: re.Match[str]) -> str | Markup:
        return _whole(piece.group()) if piece["number"] else self.term(piece.group())

    def term(self, text: str) -> str | Markup:
        """A term as a button at its first use in a section, then as plain text."""
        name = _canonical(text)
        if name in self._marked_terms:
            return text
        self._marked_terms.add(name)
        self.used[name] = GLOSSARY[name]
        return tag("button", text, type="button", class_="term", popovertarget=target(name))


def _whole(text: str) -> Markup:
    """A number or an option that does not wrap; exponents as elsewhere on the page: 3.5e4, 6e−5."""
    if text.startswith("--"):
        return tag("code", text, class_="num")
    return tag(
        "span", _EXPONENT.sub(lambda power: f"e{'−' if power[1] in ('-', '−') else ''}{power[2]}", text), class_="num"
    )


def _canonical(text: str) -> str:
    name = text.lower().replace("-", " ")
    for candidate in (name, name.removesuffix("s"), text.lower(), text.lower().removesuffix("s")):
        if candidate in GLOSSARY:
            return candidate
        if candidate in ALSO:
            return ALSO[candidate]
    raise KeyError(text)


def target(name: str) -> str:
    """The id of a term's explanation."""
    return f"term-{name.replace(' ', '-')}"
