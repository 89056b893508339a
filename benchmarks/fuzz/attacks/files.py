"""Hostile and damaged model files and data sets, each with a name and the answers that hold.

"refused": an `InputError`; "answered": an `InputError` or a subject. Nothing else holds: no other exception, no dead
process, no code of the file, not more than 4 GB, not more than 10 seconds of the processor.
"""

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz import mutations

Content = bytes | Callable[[Path], object]  # the bytes of a file, or what writes it (or a folder) to a path
REFUSED, ANSWERED = "refused", "answered"
CUTS = 12  # places at which each valid file is cut off
KEYS = ("name", "units", "activation", "layers", "module", "registered_name", "config", "class_name")


@dataclass(frozen=True)
class Attack:
    """One file or folder. `file` is its name on the disk, `expected` the answer."""

    name: str
    file: str
    content: Content
    expected: str

    def write(self, folder: Path) -> Path:
        """Write it below a folder and return its path."""
        path = folder / self.file
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            self.content(path)
        return path


# --- models --------------------------------------------------------------------------------------


def models(seeds: dict[str, bytes], canary: Path, bytecode: dict[str, Any]) -> Iterator[Attack]:
    """The attacks by model files. `seeds` are valid files by name, `canary` must never exist."""
    parts = mutations.hostile_parts(canary, bytecode)
    for number, part in enumerate(parts):
        for place, config in _placed(seeds["plain.keras"], part).items():
            expected = ANSWERED if place == "metric" else REFUSED
            yield _keras(f"code {number} as {place}", seeds["plain.keras"], config, expected)
    for key in KEYS:
        for number, value in enumerate(mutations._VALUES):
            config = _config(seeds["plain.keras"])
            config["config"]["layers"][1]["config" if key in {"name", "units", "activation"} else key] = (
                config["config"]["layers"][1]["config"] | {key: value}
                if key in {"name", "units", "activation"}
                else value
            )
            yield _keras(f"{key} is value {number}", seeds["plain.keras"], config, ANSWERED)
    for name, data in seeds.items():
        if Path(name).suffix in {".keras", ".h5"}:
            for cut in range(CUTS):
                yield Attack(f"{name} cut at {cut}/{CUTS}", name, data[: cut * len(data) // CUTS], ANSWERED)
    yield from _amounts(seeds["plain.keras"])
    yield from _members(seeds["plain.keras"])
    yield from _model_folders(seeds["plain.keras"], canary)


def _config(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        config: dict[str, Any] = json.loads(archive.read("config.json"))
    return config


def _archive(data: bytes, config: Any, more: dict[str, bytes] | None = None) -> bytes:
    """The archive with another config and further members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                content = config if isinstance(config, bytes) else json.dumps(config).encode("utf-8", "surrogatepass")
            new.writestr(name, content)
        for name, content in (more or {}).items():
            new.writestr(name, content)
    return stream.getvalue()


def _keras(name: str, data: bytes, config: Any, expected: str = REFUSED) -> Attack:
    return Attack(name, "model.keras", _archive(data, config), expected)


def _placed(data: bytes, part: Any) -> dict[str, Any]:
    """Configs of the model with a hostile part in the places where Keras builds objects."""

    def changed(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        config = _config(data)
        change(config)
        return config

    def layer(config: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = config["config"]["layers"][1]["config"]
        return found

    return {
        "layer": changed(lambda c: c["config"]["layers"].insert(1, part)),
        "activation": changed(lambda c: layer(c).update(activation=part)),
        "initializer": changed(lambda c: layer(c).update(kernel_initializer=part)),
        "regularizer": changed(lambda c: layer(c).update(kernel_regularizer=part)),
        "constraint": changed(lambda c: layer(c).update(bias_constraint=part)),
        "dtype": changed(lambda c: layer(c).update(dtype=part)),
        "loss": changed(lambda c: c["compile_config"].update(loss=part)),
        "metric": changed(lambda c: c["compile_config"].update(metrics=[part])),
    }


def _amounts(data: bytes) -> Iterator[Attack]:
    """Small files that ask for much."""

    def with_layers(count: int, units: int = 3) -> dict[str, Any]:
        config = _config(data)
        layers, last = config["config"]["layers"], config["config"]["layers"][1]
        for number in range(count):
            layers.insert(1, last | {"config": last["config"] | {"name": f"more_{number}", "units": units}})
        return config

    config = _config(data)
    nested: Any = 0
    for _ in range(400):
        nested = [nested]
    yield _keras("a million values", data, config | {"more": [0] * 1_000_000})
    yield _keras("a million objects", data, config | {"more": [{"a": 0}] * 1_000_000})
    yield _keras("two million lists", data, config | {"more": [[]] * 2_000_000})
    yield _keras("400 levels", data, config | {"more": nested})
    yield _keras("100,000 levels", data, b'{"a":' * 100_000 + b"0" + b"}" * 100_000)
    yield _keras("9,000 layers", data, with_layers(9_000))
    yield _keras("100 layers of a million units", data, with_layers(100, 1_000_000))
    yield _keras("a config of 40 MB", data, config | {"more": "x" * 40_000_000})
    yield _keras("a layer of 2^40 units", data, with_layers(1, 1 << 40))
    yield _keras("layers that call each other", data, _circle(config))
    bomb = b"\0" * 400_000_000
    yield Attack("a member that unpacks to 400 MB", "model.keras", _archive(data, config, {"assets/a": bomb}), REFUSED)
    many = {f"assets/{number}": b"" for number in range(20_000)}
    yield Attack("20,000 members", "model.keras", _archive(data, config, many), REFUSED)


def _circle(config: dict[str, Any]) -> dict[str, Any]:
    """A functional model in which two layers take each other's output."""

    def layer(name: str, source: str) -> dict[str, Any]:
        history = {"class_name": "__keras_tensor__", "config": {"keras_history": [source, 0, 0], "shape": [None, 4]}}
        inner = config["config"]["layers"][1]
        node = {"args": [history], "kwargs": {}}
        return inner | {"name": name, "config": inner["config"] | {"name": name}, "inbound_nodes": [node]}

    layers = [layer("a", "b"), layer("b", "a")]
    inside = {"name": "m", "layers": layers, "input_layers": [["a", 0, 0]], "output_layers": [["b", 0, 0]]}
    return config | {"class_name": "Functional", "config": inside}


def _members(data: bytes) -> Iterator[Attack]:
    """Archives whose members lead elsewhere."""
    config = _config(data)
    for name in ("../x", "/tmp/x", "assets/../../x", "C:\\x", "..\\x", "assets/\0x", "con", "a" * 300):
        yield Attack(f"member {name[:20]!r}", "model.keras", _archive(data, config, {name: b"x"}), ANSWERED)
    link = zipfile.ZipInfo("assets/link")
    link.external_attr = 0o120777 << 16
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    yield Attack("a member that is a link", "model.keras", stream.getvalue(), REFUSED)
    yield Attack("nothing", "model.keras", b"", REFUSED)
    yield Attack("zeros", "model.h5", b"\0" * 100_000, REFUSED)


def _model_folders(data: bytes, secret: Path) -> Iterator[Attack]:
    """Unpacked models in which something is a link."""

    def folder(path: Path, linked: str) -> None:
        path.mkdir()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(path)
        (path / "assets").mkdir(exist_ok=True)
        outside = path.parent / "outside"
        outside.mkdir(exist_ok=True)
        if (path / linked).is_file():
            (path / linked).rename(outside / linked)
            (path / linked).symlink_to(outside / linked)
        else:
            (path / linked).parent.mkdir(parents=True, exist_ok=True)
            (path / linked).symlink_to(secret.parent if linked.endswith("folder") else "/etc/passwd")

    def saved(path: Path) -> None:
        (path / "assets").mkdir(parents=True)
        (path / "saved_model.pb").write_bytes(b"\x08\x01")
        (path / "assets" / "vocabulary").symlink_to("/etc/passwd")

    for linked in ("config.json", "metadata.json", "model.weights.h5", "assets/words", "assets/folder", "assets/a/b"):
        yield Attack(f"{linked} is a link", "model", lambda path, linked=linked: folder(path, linked), REFUSED)
    yield Attack("an asset of a SavedModel is a link", "model", saved, REFUSED)
    yield Attack("a link to itself", "model.keras", lambda path: path.symlink_to(path), REFUSED)
    yield Attack("a pipe", "model.keras", os.mkfifo, REFUSED)


# --- data ----------------------------------------------------------------------------------------


def datasets(seeds: dict[str, bytes], canary: Path) -> Iterator[Attack]:
    """The attacks by data for a model that takes 4 numbers and gives one."""
    for name, data in seeds.items():
        if Path(name).suffix not in {".keras", ".h5"}:
            for cut in range(CUTS):
                yield Attack(f"{name} cut at {cut}/{CUTS}", name, data[: cut * len(data) // CUTS], ANSWERED)
    for number, pickle in enumerate(mutations.pickled(canary)):
        for suffix in (".npy", ".npz", ".pkl", ".csv", ".pt"):
            yield Attack(f"pickle {number} as {suffix}", f"train{suffix}", pickle, REFUSED)
    for number, header in enumerate(mutations._HEADERS):
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
        yield Attack(f"header {number} of an array", "x_train.npy", start + b"\0" * 64, ANSWERED)
    yield from _tables()
    yield from _folders()
    yield from _pictures()


def _tables() -> Iterator[Attack]:
    columns = ",".join(f"c{number}" for number in range(1_000_000)).encode()
    yield Attack("a million columns", "train.csv", b"\n".join([columns] + [b"1," * 999_999 + b"1"] * 2), REFUSED)
    yield Attack("a column name twice", "train.csv", b"a,a,b,c,label\n" + b"1,2,3,4,0\n" * 9, ANSWERED)
    yield Attack("one line of 40 MB", "train.csv", b"1," * 20_000_000, REFUSED)
    yield Attack("a quote that never ends", "train.csv", b'a,b,c,d,label\n"1,2,3,4,0\n' * 5_000, ANSWERED)
    yield Attack("nothing but commas", "train.csv", b",,,,\n" * 5_000, ANSWERED)
    yield Attack("numbers without end", "train.csv", b"a,b,c,d,label\n" + b"9" * 1_000_000 + b",1,2,3,0\n", ANSWERED)
    yield Attack("zeros inside", "train.csv", b"a,b,c,d,label\n1,2,\0,4,0\n", ANSWERED)
    yield Attack("bytes of no encoding", "train.csv", b"a,b,c,\xff\xfe,label\n1,2,3,4,0\n", ANSWERED)
    yield Attack("escape codes as names", "train.csv", b"\x1b[2J,\x07,c,d,label\n1,2,3,4,0\n", ANSWERED)
    yield Attack("deep JSON lines", "train.jsonl", (b"[" * 100_000 + b"]" * 100_000 + b"\n") * 2, ANSWERED)
    yield Attack("a number of 100,000 digits", "train.jsonl", b'{"a": ' + b"9" * 100_000 + b"}\n", ANSWERED)
    wide = io.StringIO()
    genes = np.random.default_rng(0).normal(size=(4, 8_000))
    wide.write(",".join(f"ENSG{number:011d}" for number in range(8_000)) + ",label\n")
    wide.writelines(",".join(f"{value:.3f}" for value in row) + f",{place % 2}\n" for place, row in enumerate(genes))
    yield Attack("8,000 columns for 4 inputs", "train.csv", wide.getvalue().encode(), REFUSED)


def _folders() -> Iterator[Attack]:
    def across(path: Path) -> None:
        for outer in range(12):
            (path / f"d{outer}").mkdir(parents=True)
        for outer in range(12):
            for inner in range(12):
                (path / f"d{outer}" / f"l{inner}").symlink_to(path / f"d{inner}")

    def ring(path: Path) -> None:
        for name, other in (("x", "y"), ("y", "x")):
            (path / name).mkdir(parents=True, exist_ok=True)
            (path / name / "next").symlink_to(path / other)

    def linked(*targets: str) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            path.mkdir()
            for number, target in enumerate(targets):
                (path / f"link{number}").symlink_to(target)

        return write

    def deep(path: Path) -> None:
        path.mkdir()
        for _ in range(200):
            path = path / "d"
            path.mkdir()

    def broken_name(path: Path) -> None:
        for name in (b"cat\xff", b"dog"):
            (path / os.fsdecode(name)).mkdir(parents=True)

    yield Attack("folders linked across each other", "data", across, REFUSED)
    yield Attack("folders in a ring", "data", ring, REFUSED)
    yield Attack("a link to /proc/self", "data", linked("/proc/self"), REFUSED)
    yield Attack("links to /, /proc and /sys", "data", linked("/", "/proc/self/root", "/sys/class"), REFUSED)
    yield Attack("a link to nothing", "data", linked("/nothing/there"), REFUSED)
    yield Attack("a link to /dev/zero", "train.csv", lambda path: path.symlink_to("/dev/zero"), REFUSED)
    yield Attack("200 folders inside each other", "data", deep, REFUSED)
    yield Attack("a class folder whose name is not UTF-8", "data", broken_name, REFUSED)
    yield Attack("an empty folder", "data", lambda path: path.mkdir(), REFUSED)
    yield Attack("a pipe", "train.csv", os.mkfifo, REFUSED)


def _pictures() -> Iterator[Attack]:
    def bombs(path: Path, side: int, mode: str) -> None:
        from PIL import Image

        picture = Image.new(mode, (side, side))
        for name in ("a", "b"):
            (path / name).mkdir(parents=True)
            for number in range(4):
                picture.save(path / name / f"{number}.png")

    for side, mode in ((13_000, "L"), (9_300, "RGB"), (9_300, "RGBA"), (30_000, "1")):
        yield Attack(
            f"8 pictures of {side:,} x {side:,} ({mode})",
            "data",
            lambda path, side=side, mode=mode: bombs(path, side, mode),
            ANSWERED,
        )
