"""Rows as they were found, before they are fitted to the model."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from diagnose.errors import InputError
from diagnose.loading.names import Name, plain, read_name
from diagnose.loading.signatures import Port, Signature
from diagnose.subject import Rows


@dataclass(frozen=True)
class Part:
    """The rows of one split. Inputs and targets are keyed by the model's names, or by what the file calls them.

    `origin` tells people where the rows came from; `notes` are sentences on what was converted or left out.
    `groups` and `times` are one value per row each: which rows belong together, and when they came.
    """

    inputs: Mapping[str, Rows]
    targets: Mapping[str, Rows]
    origin: str
    sample_weight: Rows | None = None
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)
    groups: Rows | None = None
    times: Rows | None = None

    def noted(self, *notes: str) -> "Part":
        """The same part with more notes."""
        return replace(self, notes=self.notes + notes)


Parts = Mapping[str, Part]
"""Split name -> its part; "" is the only set of rows of a source that names no split."""


def sort_arrays(arrays: Mapping[str, Rows], signature: Signature, origin: str) -> dict[str, Part]:
    """Sort named arrays into splits, inputs, targets and sample weights.

    Args:
        arrays: name -> array, first axis rows; names as people give them (see `names.read_name`).
        signature: what the model takes; its own names are understood, too.
        origin: for messages and people.

    Raises:
        InputError: nothing among the names is understood.
    """
    class_names = _class_names(arrays)
    named = {key: read_name(key, signature) for key in arrays if key not in class_names}
    if not any(name.role for name in named.values()):
        named = _by_position(list(named))
    splits: dict[str, dict[str, dict[str, Rows]]] = {}
    ignored = [key for key, name in named.items() if not name.role]
    for key, name in named.items():
        if name.role:
            roles = splits.setdefault(name.split, {"input": {}, "target": {}, "weight": {}})
            roles[name.role][name.port] = arrays[key]
    found = {split: roles for split, roles in splits.items() if roles["input"]}
    if not found:
        raise InputError(
            f"{origin}: no inputs among {_listed(arrays)}: name the arrays x and y, or x_train, y_train and so on"
        )
    note = (f"{origin}: {_listed(ignored)} was not used",) if ignored else ()
    return {
        split: Part(
            inputs=roles["input"],
            targets=roles["target"],
            origin=origin,
            sample_weight=next(iter(roles["weight"].values()), None),
            class_names=next(iter(class_names.values()), ()),
            notes=note,
        )
        for split, roles in found.items()
    }


def _class_names(arrays: Mapping[str, Rows]) -> dict[str, tuple[str, ...]]:
    """Lists of names that lie beside the arrays."""
    wanted = {"class_names", "label_names", "target_names", "names"}
    return {
        key: tuple(str(name) for name in value)
        for key, value in arrays.items()
        if plain(key) in wanted and value.ndim == 1 and value.dtype.kind in "US"
    }


def _by_position(keys: list[str]) -> dict[str, Name]:
    """`arr_0, arr_1` as `numpy.savez` names them: inputs and targets of train, then of dev, then of test."""
    roles = ("input", "target")
    if not all(plain(key).startswith("arr_") for key in keys) or len(keys) not in {1, 2, 4, 6}:
        return {key: Name("", "", plain(key)) for key in keys}
    ordered = sorted(keys, key=lambda key: int(plain(key).rsplit("_", 1)[-1]))
    splits = {1: [""], 2: [""], 4: ["train", "test"], 6: ["train", "dev", "test"]}[len(keys)]
    return {key: Name(splits[index // 2], roles[index % 2], "") for index, key in enumerate(ordered)}  # type: ignore[arg-type]


def _listed(names: object) -> str:
    words = [str(name) for name in names]  # type: ignore[attr-defined]
    return ", ".join(words[:12]) + (", ..." if len(words) > 12 else "")


def in_order(rows: Mapping[str, Rows], ports: tuple[Port, ...], what: str, origin: str) -> tuple[Rows, ...]:
    """Line named arrays up with the model's inputs (or outputs): by name, else by the number at the end of their names.

    Raises:
        InputError: their number or names do not fit; both sides are named.
    """
    by_name = {plain(key): value for key, value in rows.items()}
    if all(plain(port.name) in by_name for port in ports):
        return tuple(by_name[plain(port.name)] for port in ports)
    numbered = all(key.rsplit("_", 1)[-1].isdigit() for key in rows)
    if len(rows) == len(ports) and (len(rows) == 1 or numbered):
        return tuple(rows[key] for key in sorted(rows, key=_number))
    wanted = ", ".join(port.name for port in ports)
    found = ", ".join(key or "one without a name" for key in rows) or "none"
    raise InputError(
        f"{origin}: the model has the {what} {wanted}, but the data has {found}: name the arrays like the {what}"
    )


def _number(key: str) -> int:
    tail = key.rsplit("_", 1)[-1]
    return int(tail) if tail.isdigit() else 0
