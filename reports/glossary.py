"""The terms of the report, each explained once: the page marks them where they are first used in a section."""

import re

from markupsafe import Markup

from diagnose.reports.svg import joined, tag

GLOSSARY = {
    "avoidable bias": "The part of the train error above what is possible (the target, or the best baseline). It calls "
    "for a model that fits better, not for more data.",
    "variance": "How much larger the error is on unseen rows of the same kind than on the training rows. It calls for "
    "more data or more regularisation.",
    "data mismatch": "How much larger the error is on dev than on unseen rows that look like train (train-dev): the "
    "two come from different sources.",
    "train-dev": "Rows from the same source as train that were kept out of training. They separate variance from data "
    "mismatch.",
    "dev set": "Rows the model was not trained on, used to compare models and to choose settings. Also called "
    "validation set.",
    "test set": "Rows used for nothing but a last, unbiased look.",
    "skill": "How much of the way from the best constant prediction (0) to perfection (1) a model goes.",
    "constant prediction": "The best answer that ignores the input: the commonest class, or the mean target. A model "
    "that does no better has learned nothing.",
    "baseline": "A simple scikit-learn model trained on the same rows: what can be reached without a net.",
    "target error": "The error you want to reach, given with --target-error.",
    "learning rate range test": "A short training in which the learning rate rises step by step; the loss shows from "
    "where on steps are large enough to learn, and from where on too large.",
    "learning rate": "The length of a training step, as a factor on the gradient.",
    "fresh weights": "The same architecture with weights drawn anew by its initializers, before any training.",
    "replay": "A short training of a copy, from fresh weights, with your data and your settings.",
    "spread": "Standard deviation of all values that leave a layer.",
    "dead unit": "A unit behind ReLU that is zero for every row looked at. No gradient reaches it, so it cannot come "
    "back by itself.",
    "saturated": "Stuck at the flat end of a sigmoid or tanh, where hardly any gradient passes.",
    "receptive field": "How many places of the input one value of a layer depends on.",
    "initializer": "The rule by which a layer draws its first weights.",
    "logits": "The numbers before softmax or sigmoid; a loss must be told whether it gets logits or probabilities.",
    "rmse": "Root mean squared error, in units of the target.",
    "disease": "Something that is wrong and can be repaired.",
    "direction": "Where the remaining error is; every model has one, and it decides what to try next.",
    "confirmed": "An experiment in which only this was changed brought learning back.",
    "suspected": "The evidence points to it; no experiment was made.",
    "inconclusive": "An experiment was made and did not settle it.",
    "ruled out": "An experiment showed that changing this alone brings nothing.",
    "payoff": "What a remedy brought, measured in a short training with and without it.",
}
ALSO = {"validation set": "dev set"}

_COMMON = {"disease", "direction"}  # everyday words too: marked only where they are meant
_NAMES = sorted({*GLOSSARY, *ALSO} - _COMMON, key=len, reverse=True)
_TERM = "|".join(re.escape(name).replace(r"\ ", r"[ -]") + ("s?" if name[-1] != "s" else "") for name in _NAMES)
# What would be torn apart at the end of a line: 90 %, 6e-05, --dev PATH.
_KEPT = (
    r"(?<![\w.])\d[\d.,]*(?:e[-−+]?\d+| %|–\d[\d.,]*)|(?<![\w-])--[a-z][a-z-]+(?: (?:[A-Z]{2,}|quick|standard|deep)\b)?"
)
_NUMBER = re.compile(f"({_KEPT})")
_PIECE = re.compile(rf"(?P<number>{_KEPT})|(?<![\w-])(?P<term>{_TERM})(?![\w-])", re.IGNORECASE)
_EXPONENT = re.compile(r"e([-−+]?)0*(\d+)$")


class Words:
    """Turns text into HTML: terms become buttons that show their meaning; numbers such as 6e-05 and 90 % stay whole.

    Each term is marked once a section; `section` starts a new one. `used` collects what the page must explain.
    """

    def __init__(self) -> None:
        self.used: dict[str, str] = {}
        self._told: set[str] = set()

    def section(self) -> str:
        """Forget what was marked so far."""
        self._told.clear()
        return ""

    def plain(self, text: str) -> Markup:
        """The text with numbers and options kept whole and no term marked: for headings and links."""
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
        """A term as a button, its first time in a section."""
        name = _canonical(text)
        if name in self._told:
            return text
        self._told.add(name)
        self.used[name] = GLOSSARY[name]
        return tag("button", text, type="button", class_="term", popovertarget=target(name))


def _whole(text: str) -> Markup:
    """A number or an option in one piece; powers of ten as everywhere on the page: 3.5e4, 6e−5."""
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
