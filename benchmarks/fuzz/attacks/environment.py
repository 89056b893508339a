"""Attacks by the environment."""

from collections.abc import Iterator
from typing import Any


def attacks(*_: Any) -> Iterator[Any]:
    """None yet."""
    yield from ()
