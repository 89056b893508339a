"""Mutations of files for the fuzzer, by bytes and by format.

All randomness comes from the `random.Random` passed by the caller, so a case can be repeated from its number.
"""

import contextlib
import io
import json
import pickle
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np

WEIGHTS = "model.weights.h5"
_VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 3, 2**31, 10**9, 2**63, 10**30, -(10**9), 0.5, 1e308, float("nan"), float("inf"),
    "", "x", "None", "../x", "/etc/passwd", "a" * 5000, "\ud800", "\x1b[2J", "ü", [], {}, [[]], [None], [None, 10**9],
    [1, 2, 3], {"class_name": "Dense"}, {"class_name": None}, {"config": {}}, {"value": 1},
)  # fmt: skip
_HEADERS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 99999999999), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '|V99', 'fortran_order': True, 'shape': (2,), }",
    "{'descr': '<M8[s]', 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '<c16', 'fortran_order': False, 'shape': (), }",
    "{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '<U100000000', 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2L,), }",
    "__import__('os')", "(" * 300, "[]", "",
)  # fmt: skip


class Payload:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.canary,)


def hostile_parts(canary: Path, bytecode: dict[str, Any]) -> list[Any]:
    """Parts of a config that would run code, import a module or read a file. `bytecode`: a lambda as Keras saves it."""
    path = str(canary)
    lambdas = {"class_name": "__lambda__", "config": bytecode}
    parts: list[Any] = [
        lambdas,
        {"class_name": "__lambda__", "config": {"value": bytecode["code"]}},
        {"class_name": "Lambda", "config": {"name": "l", "function": lambdas}, "module": "keras.layers"},
        {"class_name": "Lambda", "config": {"name": "l", "function": [bytecode["code"], None, None]}},
        {"class_name": "TFSMLayer", "config": {"filepath": path}, "module": "keras.layers"},
        {"class_name": "StringLookup", "config": {"vocabulary": path}, "module": "keras.layers"},
        {
            "class_name": "__typespec__",
            "spec_name": "Popen",
            "module": "subprocess",
            "registered_name": "P",
            "config": [],
        },
    ]
    for module in ("evil", "keras_hub", "keras_nlp.evil", "keras_cv", "keras.evil", "keras.utils", "os", "builtins"):
        for name in ("Dense", "system", "get_file", "Evil", "deserialize", "load_model"):
            part = {"module": module, "registered_name": name}
            parts.append(part | {"class_name": name, "config": {"name": "evil", "units": 2}})
            parts.append(part | {"class_name": "function", "config": name})
    return parts


# --- bytes ---------------------------------------------------------------------------------------


def flip(data: bytes, random: Random, other: bytes = b"") -> bytes:
    """Change, cut, repeat or splice bytes."""
    way = random.random()
    changed = bytearray(data)
    if not changed or way < 0.1:
        return data[: random.randrange(len(data) + 1)]
    if way < 0.15:
        return data[: random.randrange(len(data))] + other[random.randrange(len(other) + 1) :]
    if way < 0.25:
        start = random.randrange(len(data))
        return data[:start] + data[start : start + random.randrange(1, 4096)] * random.randrange(3) + data[start:]
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        place = random.randrange(len(changed))
        changed[place] = random.choice((0, 255, random.randrange(256), changed[place] ^ (1 << random.randrange(8))))
    return bytes(changed)


# --- JSON ----------------------------------------------------------------------------------------


def mutate_json(value: Any, random: Random, parts: list[Any]) -> Any:
    """A copy of a JSON value with a few changed places."""
    value = json.loads(json.dumps(value))
    for _ in range(random.choice((1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            return random.choice(_VALUES)
        holder, key = random.choice(places)
        _change(holder, key, random, places, parts)
    return value


def _places(value: Any) -> Any:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _change(holder: Any, key: Any, random: Random, places: list[Any], parts: list[Any]) -> None:
    with contextlib.suppress(KeyError, IndexError):  # an earlier change removed this place
        way = random.randrange(8)
        if way == 0:
            del holder[key]
        elif way == 1 and isinstance(holder, list):
            holder.extend([holder[key]] * random.choice((1, 2, 50)))
        elif way == 2 and isinstance(holder, dict):
            holder[random.choice(("name", "config", "units", "inbound_nodes", "x"))] = holder.pop(key)
        elif way == 3:
            other, place = random.choice(places)
            holder[key] = json.loads(json.dumps(other[place]))
        elif way == 4:
            holder[key] = random.choice(parts)
        elif way == 5 and isinstance(holder[key], int | float):
            holder[key] = random.choice((holder[key] * 10**6, -holder[key], holder[key] + 1, str(holder[key])))
        elif way == 6:
            nested: Any = holder[key]
            for _ in range(random.choice((1, 5, 300))):
                nested = [nested] if random.random() < 0.5 else {"config": nested, "class_name": "Sequential"}
            holder[key] = nested
        else:
            holder[key] = random.choice(_VALUES)


# --- HDF5 ----------------------------------------------------------------------------------------


def mutate_hdf5(data: bytes, random: Random, parts: list[Any]) -> bytes:
    """Change objects, links, attributes or the config of an HDF5 file."""
    stream = io.BytesIO(data)
    with h5py.File(stream, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        for _ in range(random.choice((1, 1, 2, 3))):
            with contextlib.suppress(KeyError, ValueError, OSError, RuntimeError, TypeError):
                _break(file, random.choice(names), random, parts)
    return stream.getvalue()


def _break(file: Any, name: str, random: Random, parts: list[Any]) -> None:
    way = random.randrange(10)
    item = file[name]
    if way < 3:
        configs = [key for key in ("model_config", "training_config") if key in file.attrs]
        if configs:
            key = random.choice(configs)
            file.attrs[key] = json.dumps(mutate_json(json.loads(file.attrs[key]), random, parts))
    elif way == 3:
        del file[name]
    elif way == 4:
        file.move(name, name + random.choice(("x", "\\x", "/x", "ü")))
    elif way == 5:
        parent = file[name].parent
        links = (h5py.SoftLink("/x"), h5py.ExternalLink("/etc/passwd", "/x"), parent, item)
        parent["linked"] = random.choice(links)
    elif way in {6, 7}:
        _attribute(random.choice((item, file, item.parent)), random)
    elif isinstance(item, h5py.Dataset):
        del file[name]
        _dataset(file, name, item_shape=item.shape if item else (), random=random)


def _attribute(item: Any, random: Random) -> None:
    keys = [*item.attrs, "weight_names", "layer_names", "weight_names0"]
    values = (1, "x", b"x", np.zeros(3), np.array([b"a", b"\xff"]), h5py.Empty("f4"), np.array([["a"]], "S1"), item.ref)
    item.attrs[random.choice(keys)] = random.choice(values)


def _dataset(file: Any, name: str, item_shape: tuple[int, ...], random: Random) -> None:
    kinds = ("f2", "f8", "i8", "u1", "S5", "c8", h5py.string_dtype(), h5py.ref_dtype, h5py.vlen_dtype("i4"), "V7")
    shape = random.choice((item_shape, (*item_shape, 1), (), (0,), (3,), (1 << 20, 1 << 20)))
    packed = random.choice(({}, {"compression": "gzip"}, {"compression": "lzf"}, {"fletcher32": True}))
    if shape and packed:
        packed |= {"chunks": True}
    elif not shape:
        packed = {}
    file.create_dataset(name, shape, random.choice(kinds), **packed)


# --- archives ------------------------------------------------------------------------------------


def mutate_archive(data: bytes, random: Random, parts: list[Any]) -> bytes:
    """Change the members of a zip archive: names, flags and contents."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        members = [(zipfile.ZipInfo(info.filename), source.read(info)) for info in source.infolist()]
    for _ in range(random.choice((1, 1, 2))):
        _break_member(members, random, parts)
    stream = io.BytesIO()
    packing = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for info, content in members:
            archive.writestr(info, content, packing)
    out = bytearray(stream.getvalue())
    if random.random() < 0.1:  # directory fields: encryption flag, compression, size
        place = out.find(b"PK\x01\x02") + random.choice((8, 10, 24, 25, 26, 42))
        out[place] ^= 1 << random.randrange(8)
    return bytes(out)


def _break_member(members: list[tuple[zipfile.ZipInfo, bytes]], random: Random, parts: list[Any]) -> None:
    index = random.randrange(len(members))
    info, content = members[index]
    way = random.randrange(9)
    if way == 0:
        info.filename = random.choice(
            ("../x", "/x", "C:\\x", "a\\..\\..\\x", "x" * 300, "config.json", "\x1bx", "assets/")
        )
    elif way == 1:
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
    elif way == 2:
        members.pop(index)
        members.extend([] if members else [(info, content)])
    elif way == 3:
        members.append((zipfile.ZipInfo(random.choice(("assets/x/vocabulary.txt", "y", WEIGHTS))), b"x"))
    elif info.filename.endswith(".json"):
        with contextlib.suppress(ValueError):
            content = json.dumps(mutate_json(json.loads(content), random, parts)).encode()
        members[index] = (info, content if way < 8 else flip(content, random))
    elif info.filename == WEIGHTS and content.startswith(b"\x89HDF"):
        broken = mutate_hdf5(content, random, parts) if way < 6 else flip(content, random)
        members[index] = (info, broken)
    elif info.filename.endswith(".npy"):
        members[index] = (info, mutate_npy(content, random))


# --- arrays and tables ---------------------------------------------------------------------------


def mutate_npy(data: bytes, random: Random) -> bytes:
    """Replace the header of an array."""
    header = random.choice(_HEADERS)
    if random.random() < 0.3:
        header = flip(header.encode(), random).decode("latin1")
    raw = header.encode("latin1", "replace") + b" " * random.randrange(64) + b"\n"
    version = random.choice(((1, 0), (2, 0), (3, 0), (9, 9)))
    size = len(raw).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + bytes(version) + size + raw + data[128:]


def pickled(canary: Path) -> list[bytes]:
    """Object arrays and pickles that would create the canary."""
    stream, array = io.BytesIO(), np.empty(2, dtype=object)
    array[:] = Payload(canary)
    np.savez(stream, x=np.zeros((2, 4), "f4"), y=array)
    single = io.BytesIO()
    np.save(single, array)
    return [stream.getvalue(), single.getvalue(), pickle.dumps(Payload(canary))]


def mutate_text(data: bytes, random: Random) -> bytes:
    """Change cells, separators, quotes and lines of a table."""
    lines = data.split(b"\n")
    line = random.randrange(len(lines))
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: lines[line].replace(b",", random.choice((b";", b"\t", b" ", b",,", b'"', b'","'))),
        lambda: b",".join(random.choices((b"1", b"?", b"", b"nan", b"1e999", b"=cmd()", b"\xff\xfe", b'"'), k=5)),
        lambda: lines[line] * random.choice((0, 2, 2000)),
        lambda: lines[line] + random.choice((b"\x00", b"\r", b'"', b"\n" * 50, b",1" * 5000, b"a" * 200_000)),
    )
    lines[line] = random.choice(changes)()
    return b"\n".join(lines)
