"""Model files that are built to do harm, or damaged: the attack and the message; nothing is built or unpacked."""

import io
import os
import pickle
import signal
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading.models import hdf5, hdf5_scan
from diagnose.loading.models.choosing import load_model
from diagnose.loading.models.files import read_model_file, unpacked
from diagnose.loading.options import LoadOptions
from tests.loading.old_files import edit_archive

Make = Callable[..., Any]
WEIGHTS = "model.weights.h5"


def refused(path: Path) -> str:
    with pytest.raises(InputError) as error, unpacked(read_model_file(path)):
        pass
    return str(error.value).replace(str(path), "FILE")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, make_model: Make) -> Path:
    folder = tmp_path_factory.mktemp("models")
    model = make_model()
    for suffix in (".h5", ".keras"):
        model.save(folder / f"m{suffix}")
    return folder


@pytest.fixture(params=["m.keras", "m.h5"])
def saved(request: pytest.FixtureRequest, models: Path, tmp_path: Path) -> Path:
    return copied(models / request.param, tmp_path)


def copied(source: Path, folder: Path) -> Path:
    (folder / source.name).write_bytes(source.read_bytes())
    return folder / source.name


# --- HDF5 ----------------------------------------------------------------------------------------


def soft_link(file: Any) -> None:
    file["linked"] = h5py.SoftLink("/elsewhere")


def external_link(file: Any) -> None:
    file["linked"] = h5py.ExternalLink("other.h5", "/x")


def circle(file: Any) -> None:
    file["group/again"] = file["group"]


def second_name(file: Any) -> None:
    file["linked"] = file["group/array"]


def external_storage(file: Any) -> None:
    file.create_dataset("raw", (4,), "f4", external=[("other.bin", 0, 16)])


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("raw", layout)


def unpacks(file: Any) -> None:
    file.create_dataset("big", (1 << 32,), "f4", chunks=True, compression="gzip")


def large_chunk(file: Any) -> None:
    file.create_dataset("big", (1,), "f4", maxshape=(None,), chunks=(1 << 28,))


def pointers(file: Any) -> None:
    file.create_dataset("odd", (2,), h5py.ref_dtype)


def records(file: Any) -> None:
    file.create_dataset("odd", (2,), np.dtype([("a", "f4"), ("b", "i4")]))


def other_filter(file: Any) -> None:
    file.create_dataset("odd", (4,), "i4", chunks=(4,), scaleoffset=3)


HDF5 = {
    soft_link: "/linked is a link to another place or file",
    external_link: "/linked is a link to another place or file",
    circle: "/group/again is a second name of something else in the file",
    second_name: " is a second name of something else in the file",
    external_storage: "/raw reads its values from another file",
    virtual: "/raw reads its values from another file",
    unpacks: "its arrays unpack to 17,179,8",
    large_chunk: "its arrays unpack to 1,073,7",
    pointers: "/odd holds object, neither numbers nor text",
    records: "/odd holds [('a', '<f4'), ('b', '<i4')], neither numbers nor text",
    other_filter: "/odd is packed by the filter 6, which is not part of HDF5",
}


@pytest.mark.parametrize("attack", HDF5, ids=lambda attack: attack.__name__)
def test_what_hdf5_may_not_hold(attack: Callable[[Any], None], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.create_dataset("group/array", data=np.zeros(3))
        attack(file)
    with pytest.raises(hdf5_scan.RefusedError) as error:
        hdf5_scan.scan(tmp_path / "m.h5")
    assert HDF5[attack] in str(error.value)


def test_it_is_refused_on_its_own_and_inside_an_archive(saved: Path, tmp_path: Path) -> None:
    if saved.suffix == ".h5":
        inner = saved
    else:
        with zipfile.ZipFile(saved) as archive:
            inner = Path(archive.extract(WEIGHTS, tmp_path / "out"))
    with h5py.File(inner, "r+") as file:
        soft_link(file)
    if inner != saved:
        edit_archive(saved, **{WEIGHTS: inner.read_bytes()})
    assert refused(saved) == "FILE is refused: /linked is a link to another place or file"


def test_text_beside_the_arrays_does_no_harm(models: Path, tmp_path: Path) -> None:
    path = copied(models / "m.h5", tmp_path)
    with h5py.File(path, "r+") as file:
        file["note"] = "trained in spring"
        file["notes"] = np.array([b"a", b"b"])
    assert load_model(path, LoadOptions()).name == "m"


def test_names_with_control_characters_are_shown_without(models: Path, tmp_path: Path) -> None:
    path = copied(models / "m.h5", tmp_path)
    with h5py.File(path, "r+") as file:
        file["\x1b[2J\n"] = h5py.SoftLink("/x")
    assert refused(path) == "FILE is refused: / [2J  is a link to another place or file"


def test_the_library_hangs_on_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = "{}"  # text of any length lies in a heap
    damaged = bytearray((tmp_path / "m.h5").read_bytes())
    heap = damaged.index(b"GCOL")
    damaged[heap + 24 : heap + 32] = bytes(8)  # an object of no size: the next one is the same again
    (tmp_path / "m.h5").write_bytes(damaged)
    monkeypatch.setattr(hdf5, "_PATIENCE", 2.0)
    assert refused(tmp_path / "m.h5").startswith("FILE is a damaged HDF5 file (")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("program", "why"),
    [
        (f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})", "reading it ends in SIGSEGV"),
        ("while True: pass", "reading it does not end"),
        ("raise SystemExit(3)", "reading it fails"),
    ],
)
def test_the_library_dies_of_a_damaged_file(
    program: str, why: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scan.py").write_text(program)
    monkeypatch.setattr(hdf5_scan, "__file__", str(tmp_path / "scan.py"))
    monkeypatch.setattr(hdf5, "_PATIENCE", 2.0)
    expected = f"FILE is a damaged HDF5 file ({why}): save the model again"
    assert refused(copied(models / "m.h5", tmp_path)) == expected


def test_more_objects_than_any_model_has(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5_scan, "OBJECTS", 5)
    with pytest.raises(hdf5_scan.RefusedError, match="it holds more than 5 objects"):
        hdf5_scan.scan(models / "m.h5")


# --- archives ------------------------------------------------------------------------------------


def entry(name: str, mode: int = stat.S_IFREG) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (mode | 0o644) << 16
    return info


MEMBERS = {
    **dict.fromkeys(("../x", "/x", "a/../../x", "C:\\x", "C:x", "a\\..\\..\\x", "\\x"), "points outside the archive"),
    "assets/link": "is a link",
    "config.json": "is in the archive twice",
}


@pytest.mark.parametrize("name", MEMBERS)
def test_what_members_may_not_be(name: str, models: Path, tmp_path: Path) -> None:
    path = copied(models / "m.keras", tmp_path)
    kind = stat.S_IFLNK if MEMBERS[name] == "is a link" else stat.S_IFREG
    with zipfile.ZipFile(path, "a") as archive:
        if name in archive.namelist():
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr(entry(name, kind), "/etc/passwd")
        else:
            archive.writestr(entry(name, kind), "/etc/passwd")
    assert refused(path) == f"FILE is refused: its member {name} {MEMBERS[name]}"


def test_an_encrypted_member(models: Path, tmp_path: Path) -> None:
    path = copied(models / "m.keras", tmp_path)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert refused(path) == "FILE is refused: its member metadata.json is encrypted"


def with_zeros(path: Path, name: str, megabytes: int) -> Path:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        for _ in range(megabytes):
            member.write(bytes(1 << 20))
    return path


def test_members_that_are_bombs(models: Path, tmp_path: Path) -> None:
    path = with_zeros(copied(models / "m.keras", tmp_path), "zeros", 300)
    assert refused(path) == "FILE is refused: its member zeros unpacks to 314,572,800 bytes"
    path = copied(models / "m.keras", tmp_path)
    for number in range(3):
        with_zeros(path, f"zeros{number}", 100)
    assert "FILE is refused: its members unpack to 314," in refused(path)


def test_a_config_that_is_too_long(models: Path, tmp_path: Path) -> None:
    path = edit_archive(copied(models / "m.keras", tmp_path), lambda config: config.update(note="x" * (1 << 25)))
    assert refused(path) == "FILE is refused: its member config.json is longer than 33,554,432 bytes"


@pytest.mark.parametrize("levels", [150, 100_000])
def test_a_config_that_is_nested_too_deep(levels: int, models: Path, tmp_path: Path) -> None:
    path = copied(models / "m.keras", tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, f'{{"a": {"[" * levels}{"]" * levels}}}' if name == "config.json" else content)
    deep = "FILE is refused: its config.json is nested more than 100 levels deep"
    assert refused(path).startswith(deep if levels == 150 else "FILE is damaged: its config.json is not JSON (")


def test_an_archive_without_weights(models: Path, tmp_path: Path) -> None:
    path = copied(models / "m.keras", tmp_path)
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
    assert refused(path) == "FILE is a .keras archive without model.weights.h5: save the model again with model.save"


def test_a_member_that_is_damaged(models: Path, tmp_path: Path) -> None:
    path = copied(models / "m.keras", tmp_path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x89HDF", b"\x89HDX"))
    assert refused(path).startswith("FILE is a damaged .keras archive (Bad CRC-32")


# --- other files ---------------------------------------------------------------------------------


def packed(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, b"x")
    return stream.getvalue()


PICKLE = "is a Python pickle, which runs code when it is opened and is never loaded: pass what model.save wrote"
PACKED = "is a packed file: unpack it and pass the .keras or .h5 file inside"
OTHERS = {
    "model.pkl": (pickle.dumps({"a": 1}), PICKLE),
    "model.joblib": (pickle.dumps([1], protocol=3), PICKLE),
    "model.pt": (
        packed("archive/data.pkl"),
        "is a PyTorch file: its member archive/data.pkl is a pickle, which is never loaded: pass a Keras model",
    ),
    "model.zip": (packed("a/model.h5"), "is an archive that holds a/model.h5: unpack it and pass that file"),
    "model.npz": (packed("x.npy"), "holds NumPy arrays, not a model: pass the .keras or .h5 file"),
    "other.zip": (
        packed("x"),
        "is a zip archive without config.json, so it is not a Keras model: pass the .keras or .h5 file",
    ),
    "model.h5.gz": (b"\x1f\x8b\x08", PACKED),
    "model.tar": (bytes(257) + b"ustar", PACKED),
    "model.tflite": (
        b"\x1c\x00\x00\x00TFL3",
        "is a TensorFlow Lite model, which cannot be trained: pass the Keras model it was converted from",
    ),
    "weights.npy": (b"\x93NUMPY", "is a NumPy array, not a model: pass the .keras or .h5 file"),
    "checkpoint": (
        b'model_checkpoint_path: "x"',
        "belongs to a TensorFlow checkpoint, which holds no model: pass what model.save wrote",
    ),
    "page.h5": (
        b"<!DOCTYPE html>",
        "is a web page or XML, perhaps in place of a download: pass the .keras or .h5 file itself",
    ),
    "model.json": (
        b'{"class_name": "Sequential"}',
        "is JSON: pass the file of the weights, and this one with --architecture if model.to_json() wrote it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_files_that_are_not_keras_models(name: str, tmp_path: Path) -> None:
    content, message = OTHERS[name]
    (tmp_path / name).write_bytes(content)
    assert refused(tmp_path / name) == f"FILE {message}"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="this user may read everything")
def test_a_file_that_may_not_be_read(models: Path, tmp_path: Path) -> None:
    path = copied(models / "m.h5", tmp_path)
    path.chmod(0)
    assert refused(path) == "FILE cannot be read (Permission denied): pass a file that you may read"
