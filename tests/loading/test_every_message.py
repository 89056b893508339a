"""Every error that loading raises is in a test by its text: read out of the source, nothing is run."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import diagnose.loading

_ERRORS = {"InputError", "RefusedError", "BuildError", "damaged", "not_understood"}
_SHORT = 12  # letters; what is shorter only joins the parts of a message
_RUN = 24  # letters in a row that identify a message
_SOURCE = Path(diagnose.loading.__file__).parent
_FILES = [path.relative_to(_SOURCE).as_posix() for path in sorted(_SOURCE.rglob("*.py"))]


def _texts(tree: ast.AST) -> list[str]:
    """The literal texts below a node; those of an f-string one by one."""
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _raised(tree: ast.AST) -> Iterator[tuple[int, list[str]]]:
    """Line and literal texts of each error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in _ERRORS:
            yield node.lineno, [text.strip() for text in _texts(node) if len(text) >= _SHORT]


def _is_part(text: str, tested: str) -> bool:
    return any(text[at : at + _RUN] in tested for at in range(max(1, len(text) - _RUN + 1)))


@pytest.fixture(scope="module")
def tested() -> str:
    """All texts in all other tests; in patterns, without the backslashes."""
    folder, own = Path(__file__).parents[1], Path(__file__)
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py") if path != own]
    return "\n".join(re.sub(r"\\(?=\W)", "", text) for tree in trees for text in _texts(tree))


@pytest.mark.parametrize("file", _FILES)
def test_every_message_is_tested(file: str, tested: str) -> None:
    tree = ast.parse((_SOURCE / file).read_text(encoding="utf-8"))
    missing = [
        f"line {line}: {' ... '.join(texts)}"
        for line, texts in _raised(tree)
        if texts
        and not any(text[at : at + _RUN] in tested for text in texts for at in range(max(1, len(text) - _RUN + 1)))
    ]
    assert not missing
