"""No file of loading imports another one in a circle; imports inside functions count, too."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import diagnose.loading

_FOLDER = Path(diagnose.loading.__file__).parent
_MODULES = {
    ".".join(("diagnose.loading", *path.relative_to(_FOLDER).with_suffix("").parts)): path
    for path in _FOLDER.rglob("*.py")
    if path.name != "__init__.py"
}


def _imported(path: Path) -> set[str]:
    """The modules of loading that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names & _MODULES.keys()


def test_no_import_leads_back() -> None:
    graph = {module: _imported(path) for module, path in _MODULES.items()}
    order = tuple(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle
    assert set(order) == set(_MODULES)
    assert any(graph.values())
