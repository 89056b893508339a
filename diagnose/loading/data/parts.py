"""Rows as they were found, before they are fitted to the model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from diagnose.errors import InputError
from diagnose.loading.data.keys import arrays_of, groups_of, times_of
from diagnose.loading.data.names import Name, Role, plain, read_name
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Port, Signature
from diagnose.subject import Rows


@dataclass(frozen=True)
class Part:
    """The rows of one split. Inputs and targets are keyed by the model's names, or by what the file calls them.

    `origin` says where the rows came from, for people; `notes` are sentences on what was converted or left out.
    `groups` and `times` are one value per row each: which rows belong together, and when they came.
    `named_labels` says that the classes were folders, mask values or words: loading chose their numbers, so their
    format cannot be wrong. `population`, `sampled` and `unknown_classes` are as in `Split`.
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
    named_labels: bool = False
    population: int | None = None  # rows that there are, of which these are a sample; None: all of them are here
    sampled: bool = False  # whether more rows exist than are held; with `population` None their number is unknown
    unknown_classes: tuple[tuple[str, int], ...] = ()

    def sample_of(self, population: int | None) -> "Part":
        """The same part as a sample of so many rows (None: of an unknown number)."""
        return replace(self, population=population, sampled=True)

    def noted(self, *notes: str) -> "Part":
        """The same part with more notes."""
        return replace(self, notes=self.notes + notes)

    def setting_aside(self, classes: Mapping[str, int]) -> "Part":
        """The same part, from which so many rows of classes that train lacks were left out, with a note."""
        if not classes:
            return self
        counts = [f"{name} ({rows:,})" for name, rows in classes.items()]
        note = f"{self.origin}: rows of classes that train lacks were set aside: {_listed(counts)}"
        return replace(self, unknown_classes=tuple(classes.items())).noted(note)

    def rows_where(self, kept: Rows) -> "Part":
        """The rows that an array of flags names."""
        return replace(
            self,
            inputs={name: rows[kept] for name, rows in self.inputs.items()},
            targets={name: rows[kept] for name, rows in self.targets.items()},
            sample_weight=None if self.sample_weight is None else self.sample_weight[kept],
            groups=None if self.groups is None else self.groups[kept],
            times=None if self.times is None else self.times[kept],
        )


Parts = Mapping[str, Part]
"""Split name -> its part; "" for the rows of a source without splits."""


def sort_arrays(
    arrays: Mapping[str, Rows], signature: Signature, origin: str, options: LoadOptions | None = None
) -> dict[str, Part]:
    """Sort named arrays into splits, inputs, targets, sample weights, groups and times.

    Args:
        arrays: name -> array, first axis rows; names as people give them (see `names.read_name`).
        signature: what the model takes; its own names count, too.
        origin: for messages and people.
        options: may name the arrays of targets, groups and times.

    Raises:
        InputError: no name is that of an input, or two names mean the same.
    """
    options = options or LoadOptions()
    class_names = _class_names(arrays)
    groups, times = arrays_of(options.group, arrays), arrays_of(options.time, arrays)
    set_aside = {*class_names, *groups.values(), *times.values()}
    rest = {key: rows for key, rows in arrays.items() if key not in set_aside}
    named, notes = _named(rest, signature, options.target, origin)
    found = {split: roles for split, roles in _roles(named, arrays, origin).items() if roles["input"]}
    if not found:
        raise InputError(
            f"{origin}: no inputs among {_listed(arrays)}: name the arrays x and y, or x_train, y_train and so on"
        )
    ignored = [key for key, name in named.items() if not name.role]
    notes += (f"{origin}: {_listed(ignored)} was not used",) if ignored else ()
    return {
        split: Part(
            inputs={port: arrays[key] for port, key in roles["input"].items()},
            targets={port: arrays[key] for port, key in roles["target"].items()},
            origin=origin,
            sample_weight=next((arrays[key] for key in roles["weight"].values()), None),
            class_names=next(iter(class_names.values()), ()),
            notes=notes,
            groups=groups_of(arrays[groups[split]], groups[split], origin) if split in groups else None,
            times=times_of(arrays[times[split]], times[split], origin) if split in times else None,
        )
        for split, roles in found.items()
    }


def _roles(named: Mapping[str, Name], arrays: Mapping[str, Rows], origin: str) -> dict[str, dict[str, dict[str, str]]]:
    """Split -> role -> input or output -> the name of its array."""
    splits: dict[str, dict[str, dict[str, str]]] = {}
    for key, name in named.items():
        if name.role:
            roles = splits.setdefault(name.split, {"input": {}, "target": {}, "weight": {}})
            other = roles[name.role].setdefault(name.port, key)
            if other != key:
                raise InputError(f"{origin}: {other} and {key} mean the same ({name.role}): leave one of them out")
            if arrays[key].ndim == 0:
                raise InputError(f"{origin}: {key} must have rows as its first axis, got a single value")
    return splits


def _named(
    arrays: Mapping[str, Rows], signature: Signature, target: str | None, origin: str
) -> tuple[dict[str, Name], tuple[str, ...]]:
    """What each array is: as the user says, by its name, or, if no name says it, by its position."""
    named = {key: read_name(key, signature) for key in arrays}
    meant = {key: split for split, key in arrays_of(target, arrays).items() if named[key].role != "target"}
    named |= {key: Name(split, "target", "") for key, split in meant.items()}
    if any(name.role for name in named.values()):
        return named, ()
    return _by_position(arrays, origin)


def _class_names(arrays: Mapping[str, Rows]) -> dict[str, tuple[str, ...]]:
    """Lists of class names among the arrays."""
    wanted = {"class_names", "label_names", "target_names", "names"}
    return {
        key: tuple(str(name) for name in value)
        for key, value in arrays.items()
        if plain(key) in wanted and value.ndim == 1 and value.dtype.kind in "US"
    }


def _by_position(arrays: Mapping[str, Rows], origin: str) -> tuple[dict[str, Name], tuple[str, ...]]:
    """`arr_0, arr_1` as `numpy.savez` names them: inputs and targets of train, of dev and of test.

    They follow each other in pairs, or all inputs come before all targets, as `train_test_split` returns them.
    """
    splits = {1: [""], 2: [""], 4: ["train", "test"], 6: ["train", "dev", "test"]}.get(len(arrays))
    if splits is None or not all(plain(key).startswith("arr_") for key in arrays):
        return {key: Name("", "", plain(key)) for key in arrays}, ()
    keys = sorted(arrays, key=_number)
    order = range(len(keys)) if _in_pairs([arrays[key] for key in keys]) else _by_halves(len(keys))
    roles: tuple[Role, Role] = ("input", "target")
    named = {keys[place]: Name(splits[i // 2], roles[i % 2], "") for i, place in enumerate(order)}
    read = ", ".join(f"{key} as {' '.join(filter(None, (named[key].role, named[key].split)))}" for key in keys)
    return named, (f"{origin}: read by position: {read}",)


def _in_pairs(arrays: list[Rows]) -> bool:
    """Whether inputs and targets come in pairs: their numbers of rows say so, else the shapes of their rows."""
    half = len(arrays) // 2
    rows = [array.shape[:1] for array in arrays]
    pairs_fit, halves_fit = rows[0::2] == rows[1::2], rows[:half] == rows[half:]
    if half < 2 or pairs_fit != halves_fit:
        return half < 2 or pairs_fit
    shapes = {array.shape[1:] for array in arrays[:half]}
    return not halves_fit or len(shapes) > 1


def _by_halves(count: int) -> list[int]:
    """0, 2, 1, 3 for four: the order that makes pairs of inputs followed by targets."""
    return [i // 2 + count // 2 * (i % 2) for i in range(count)]


def require_keys(parts: Iterable[Part], options: LoadOptions) -> None:
    """Require the groups and times that were asked for in every part.

    Raises:
        InputError: a part has none; the message says the name that was asked for.
    """
    for part in parts:
        for flag, name, found in (("--group", options.group, part.groups), ("--time", options.time, part.times)):
            if name is not None and found is None:
                raise InputError(f"{part.origin}: {flag} {name}: there is no column or array of that name")


def _listed(names: object) -> str:
    words = [str(name) for name in names]  # type: ignore[attr-defined]
    return ", ".join(words[:12]) + (", ..." if len(words) > 12 else "")


def in_order(rows: Mapping[str, Rows], ports: tuple[Port, ...], what: str, origin: str) -> tuple[Rows, ...]:
    """Put named arrays into the order of the model's inputs (or outputs): by name, else by the number in their names.

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
