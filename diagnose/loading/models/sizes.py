"""Limits on what a config may ask for: a small file must not use up the memory or the time.

The config is bounded before anything is built, and the rows between layers before any row is computed;
the weights are bounded while they are made (see `weight_memory`).
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from diagnose.errors import RefusedError

_LEVELS = 100  # of nesting; a cell in a wrapper in a model in a model takes about 30
_VALUES_MOST = 500_000  # numbers, texts, lists ...; the largest published models have about 60,000
_CALLS = 5_000  # layers and calls of layers; the deepest published networks have about 4,000
_SIZE = 1 << 24  # of one axis: units, filters, words, steps
_ROW = 1 << 28  # numbers; 1 GiB in float32
# Whole numbers under these names are values, not sizes, however large.
_VALUES = ("seed", "value", "token", "vocabulary", "scale", "offset", "salt", "bins", "bin_boundaries", "arg", "_id")


def check_levels(path: Path, name: str, value: Any) -> None:
    """Refuse JSON that is nested deeper than any model, or holds more values, before anything else walks it.

    Raises:
        RefusedError: naming the file and the part of it.
    """
    level, count = [value], 0
    for _ in range(_LEVELS):
        level = [inner for outer in level for inner in _inside(outer)]
        count += len(level)
        if count > _VALUES_MOST:
            raise RefusedError(f"{path} is refused: its {name} holds more than {_VALUES_MOST:,} values")
        if not level:
            return
    raise RefusedError(f"{path} is refused: its {name} is nested more than {_LEVELS} levels deep")


def _inside(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def check_sizes(path: Path, config: Any) -> None:
    """Refuse a model's config that asks for too many layers, or for axes or rows that are too long.

    Raises:
        RefusedError: naming the layer.
    """
    calls = 0
    for layer, name, value in _settings(config, "", ""):
        if isinstance(value, list):
            calls += len(value) if name in {"layers", "inbound_nodes"} else 0
            row = prod(size for size in value if type(size) is int) if "shape" in name else 0
            if row > _ROW:
                raise RefusedError(
                    f'{path} is refused: layer "{layer}" has the {name.rstrip("[]")} {value}, {row:,} numbers'
                )
        elif type(value) is int and value > _SIZE and not any(word in name for word in _VALUES):
            raise RefusedError(
                f'{path} is refused: layer "{layer}" has {name.rstrip("[]")} {value:,}, more than {_SIZE:,}'
            )
    if calls > _CALLS:
        raise RefusedError(f"{path} is refused: its config calls more than {_CALLS:,} layers")


def _settings(config: Any, layer: str, name: str) -> Iterator[tuple[str, str, Any]]:
    """Every list and value in a config, with the layer around it and the name it stands under."""
    if isinstance(config, dict):
        own = config.get("name")
        layer = own if isinstance(own, str) else layer
        for key, value in config.items():
            yield from _settings(value, layer, key)
        return
    yield layer, name, config
    if isinstance(config, list):
        for value in config:
            yield from _settings(value, layer, f"{name}[]")


def check_rows(path: Path, model: Any) -> None:
    """Refuse a model whose layers pass on rows that are too large.

    Raises:
        RefusedError: naming the layer.
    """
    for layer in model._flatten_layers():
        for node in layer._inbound_nodes:
            for tensor in node.output_tensors:
                row = prod(size for size in tensor.shape[1:] if size)
                if row > _ROW:
                    raise RefusedError(f'{path} is refused: layer "{layer.name}" gives {row:,} numbers for one row')
