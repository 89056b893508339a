"""What people call their arrays, files and folders: which split, input or target, which of several."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from diagnose.loading.signatures import Signature

Role = Literal["input", "target", "weight", ""]

_SPLITS = {
    "train": {"train", "training", "trn", "tr", "fit"},
    "dev": {"dev", "develop", "development", "val", "vali", "valid", "validate", "validation", "eval", "evaluation"},
    "test": {"test", "testing", "tst", "te", "holdout"},
    "train_dev": {"traindev"},
}
_ROLES: dict[Role, set[str]] = {
    "input": {"x", "input", "feature", "data", "image", "img", "sample", "text", "sentence", "sequence", "series"},
    "target": {"y", "target", "label", "output", "class", "mask", "response"},
    "weight": {"weight", "w"},
}
_SPLIT_OF = {word: split for split, words in _SPLITS.items() for word in words}
_ROLE_OF: dict[str, Role] = {word: role for role, words in _ROLES.items() for word in words}
_PRECEDENCE: tuple[Role, ...] = ("target", "input", "weight")  # image_labels and y_data are targets
JUNK = {"__macosx", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Name:
    """The parts of a name. `split` and `role` are "" if it does not say them; `port` is the rest."""

    split: str
    role: Role
    port: str


def is_junk(name: str) -> bool:
    """Files that systems leave behind: hidden ones, macOS and Windows litter."""
    return name.startswith(".") or name.lower() in JUNK


def plain(name: str) -> str:
    """A name for comparison: lower case, words joined by one underscore."""
    return "_".join(_words(name))


def split_of(text: str) -> tuple[str, str]:
    """The split in a name, and the rest of it in plain words: `site_train` -> `train`, `site`."""
    split, words = _take_split(_words(text))
    return split, "_".join(words)


def read_name(text: str, signature: Signature | None = None) -> Name:
    """Read a name such as `x_train`, `X_val_0`, `trainX`, `train_images`, `validation`, `x_test`.

    A name of one of the model's own inputs or outputs wins over what its words usually mean.
    """
    split, words = _take_split(_words(text))
    rest = "_".join(words)
    for role, ports in _ports(signature):
        if rest in ports:
            return Name(split, role, ports[rest])
    if len(words) > 1 and _role(words[-1]) == "weight" and words[-2] in {"sample", "class"}:
        return Name(split, "weight" if words[-2] == "sample" else "", "_".join(words[:-2]))
    roles = [_role(word) for word in words]
    for role in _PRECEDENCE:
        if role in roles:
            index = roles.index(role)
            return Name(split, role, "_".join(words[:index] + words[index + 1 :]))
    return Name(split, "", rest)


def _role(word: str) -> Role:
    """The role of a word, also in the plural."""
    singular = (word, word.removesuffix("s"), word.removesuffix("es"))
    return next((_ROLE_OF[form] for form in singular if form in _ROLE_OF), "")


def _ports(signature: Signature | None) -> list[tuple[Role, dict[str, str]]]:
    if signature is None:
        return []
    inputs = {plain(port.name): port.name for port in signature.inputs}
    outputs = {plain(port.name): port.name for port in signature.outputs}
    shared = set(inputs) & set(outputs)
    named: list[tuple[Role, dict[str, str]]] = [("input", inputs), ("target", outputs)]
    return [(role, {key: name for key, name in ports.items() if key not in shared}) for role, ports in named]


def _words(text: str) -> list[str]:
    """Split at separators and humps, and take a glued x or y off a split: `trainX`, `xtrain`, `ytest`."""
    pieces = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])", "_", text)
    words = [word.lower() for word in re.split(r"[^A-Za-z0-9]+", pieces) if word]
    return [part for word in words for part in _unglued(word)]


def _unglued(word: str) -> Sequence[str]:
    if word[:1] in {"x", "y"} and word[1:] in _SPLIT_OF:
        return (word[0], word[1:])
    if len(word) > 3 and word[-1:] in {"x", "y"} and word[:-1] in _SPLIT_OF:
        return (word[-1], word[:-1])
    return (word,)


def _take_split(words: list[str]) -> tuple[str, list[str]]:
    """The split that the words name, and the other words; train next to dev is the train-dev set."""
    found = [_SPLIT_OF.get(word, "") for word in words]
    if "train" in found and "dev" in found and abs(found.index("train") - found.index("dev")) == 1:
        kept = [word for word, split in zip(words, found, strict=True) if split not in {"train", "dev"}]
        return "train_dev", kept
    for index, split in enumerate(found):
        if split:
            return split, words[:index] + words[index + 1 :]
    return "", words
