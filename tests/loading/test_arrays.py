"""Archives and arrays that lie about themselves, and those that are larger than memory should hold."""

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading import LoadOptions
from diagnose.loading.data import arrays, idx
from diagnose.loading.data.arrays import read_npy, read_npz
from diagnose.loading.data.idx import read_idx
from diagnose.loading.data.parts import sort_arrays
from diagnose.loading.data.reading import read_data
from diagnose.loading.signatures import Port, Signature

X = np.arange(36, dtype="float32").reshape(12, 3)
TABLE = Signature((Port("features", (3,)),), (Port("label", (1,)),))


class Canary:
    """A pickle that would make a file when it is unpacked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def npy_bytes(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def refused(read: Any, path: Path) -> str:
    with pytest.raises(InputError) as error:
        read(path)
    text = str(error.value)
    assert "\n" not in text
    return text.replace(f"{path.parent}/", "")


def test_uncompressed_arrays_are_mapped_wherever_they_lie(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=np.asfortranarray(X), empty=X[:0], text=np.array(["a", "bc"]))
    found = read_npz(tmp_path / "d.npz")
    assert isinstance(found["x"], np.memmap)
    for name, expected in {"x": X, "y": X, "empty": X[:0], "text": np.array(["a", "bc"])}.items():
        np.testing.assert_array_equal(found[name], expected)


def test_compressed_arrays_are_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "d.npz", x=X, y=np.asfortranarray(X))
    for array in read_npz(tmp_path / "d.npz").values():
        np.testing.assert_array_equal(array, X)


@pytest.mark.parametrize("compressed", [False, True])
def test_pickled_objects_are_refused_and_never_run(compressed: bool, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    objects = np.array([Canary(canary)], dtype=object)
    np.save(tmp_path / "x.npy", objects, allow_pickle=True)
    (np.savez_compressed if compressed else np.savez)(tmp_path / "d.npz", x=objects)
    (tmp_path / "plain.npy").write_bytes(pickle.dumps(Canary(canary)))
    advice = "holds pickled Python objects, which are never loaded: save numbers or text of one type and shape"
    assert refused(read_npy, tmp_path / "x.npy") == f"x.npy: its array {advice}"
    assert refused(read_npz, tmp_path / "d.npz") == f'd.npz: its array "x" {advice}'
    assert "plain.npy cannot be read as .npy" in refused(read_npy, tmp_path / "plain.npy")
    assert not canary.exists()


def test_records_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "r.npy", np.zeros(3, dtype=[("a", "f4"), ("b", "i4")]))
    assert (
        refused(read_npy, tmp_path / "r.npy") == "r.npy: its array holds records (a, b): save one array for each field"
    )


def test_a_header_that_promises_more_than_the_file_has(tmp_path: Path) -> None:
    content = npy_bytes(X).replace(b"(12, 3)", b"(99, 9)")
    (tmp_path / "x.npy").write_bytes(content)
    expected = (
        "is damaged: an array of float32 with the shape (99, 9) needs 3,564 bytes, but there are 144: save it again"
    )
    assert refused(read_npy, tmp_path / "x.npy") == f"x.npy {expected}"
    with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", content)
    assert refused(read_npz, tmp_path / "d.npz") == f"d.npz {expected}"


@pytest.mark.parametrize("shape", [b"(-2, 3)", b"(4**9,)", b"('a',)"])
def test_a_shape_that_cannot_be(shape: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(npy_bytes(X).replace(b"(12, 3)", shape.ljust(7)))
    assert "x.npy" in refused(read_npy, tmp_path / "x.npy")


def test_an_archive_that_unpacks_to_far_more_than_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "d.npz", x=np.zeros((1000, 1000)))
    assert read_npz(tmp_path / "d.npz")["x"].shape == (1000, 1000)
    advice = "save it with numpy.savez, which does not compress, so that it is read from the disk as needed"
    expected = f"d.npz is compressed and unpacks to 8,000,128 bytes: {advice}"
    monkeypatch.setattr(arrays, "EXPANSION_FLOOR", 1 << 20)
    assert refused(read_npz, tmp_path / "d.npz") == expected
    monkeypatch.setattr(arrays, "EXPANSION", 1e9)
    monkeypatch.setattr(arrays, "_memory", lambda: 1e7)
    assert refused(read_npz, tmp_path / "d.npz") == expected
    np.savez(tmp_path / "d.npz", x=np.zeros((1000, 1000)))
    assert read_npz(tmp_path / "d.npz")["x"].shape == (1000, 1000)


def test_an_archive_with_one_name_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x.npy", npy_bytes(X))
        archive.writestr("x.npy", npy_bytes(X + 1))
    assert refused(read_npz, tmp_path / "d.npz") == "d.npz is refused: its archive names one array twice"


def test_an_archive_without_arrays(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.npz", "w"):
        pass
    assert refused(read_npz, tmp_path / "d.npz") == (
        "d.npz holds no arrays: save it with numpy.savez(path, x=..., y=...)"
    )


def test_the_targets_are_read_by_position_with_a_note(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", X, X[:2], np.zeros(12), np.zeros(2))
    part = read_data(tmp_path, TABLE, LoadOptions())["test"]
    assert part.notes[0].endswith(
        "read by position: arr_0 as input train, arr_1 as input test, arr_2 as target train, arr_3 as target test"
    )


def test_groups_and_times_go_to_their_splits() -> None:
    named = {"x_train": X, "y_train": X[:, 0], "x_val": X[:2], "y_val": X[:2, 0]}
    keys = {"site_train": np.array(["a", "b"] * 6), "site_val": np.array(["a", ""])}
    days = {"day_train": np.arange(12), "day_val": np.array(["2024-05-01", "2024-05-02T12:00"])}
    found = sort_arrays({**named, **keys, **days}, TABLE, "d.npz", LoadOptions(group="site", time="day"))
    assert set(found["train"].inputs) == {""}
    assert found["train"].groups is not None and found["train"].groups.tolist() == ["a", "b"] * 6
    assert found["dev"].groups is not None and found["dev"].groups.tolist() == ["a", ""]
    assert found["train"].times is not None and found["train"].times.tolist() == list(range(12))
    assert found["dev"].times is not None
    assert [str(time) for time in found["dev"].times] == ["2024-05-01T00:00:00", "2024-05-02T12:00:00"]


# --- idx -----------------------------------------------------------------------------------------

HEADER = b"\0\0\x08\x02" + (3).to_bytes(4, "big") + (2).to_bytes(4, "big")


def test_numbers_of_several_bytes_are_big_endian(tmp_path: Path) -> None:
    (tmp_path / "x.idx1-int").write_bytes(b"\0\0\x0c\x01\0\0\0\x02" + np.array([1, -2], ">i4").tobytes())
    array = read_idx(tmp_path / "x.idx1-int")
    assert isinstance(array, np.memmap)
    assert array.tolist() == [1, -2]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (HEADER + bytes(5), "is damaged: it ends before its 3 x 2 values of uint8: fetch it again"),
        (HEADER[:9], "is a damaged idx file ("),
        (b"hello", "is not an idx file, although its name says so: fetch it again"),
        (b"\x1f\x8b and no more", "is a damaged idx file ("),
    ],
)
def test_a_damaged_idx_file(content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "x-idx2-ubyte").write_bytes(content)
    assert refused(read_idx, tmp_path / "x-idx2-ubyte").startswith(f"x-idx2-ubyte {expected}")


def test_a_gzipped_idx_file_that_unpacks_to_far_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    header = b"\0\0\x08\x01" + (1 << 20).to_bytes(4, "big")
    (tmp_path / "x-idx1-ubyte.gz").write_bytes(gzip.compress(header + bytes(1 << 20)))
    assert read_idx(tmp_path / "x-idx1-ubyte.gz").shape == (1 << 20,)
    monkeypatch.setattr(idx, "EXPANSION_FLOOR", 1 << 10)
    assert refused(read_idx, tmp_path / "x-idx1-ubyte.gz") == (
        "x-idx1-ubyte.gz unpacks to 1,048,576 bytes: unpack it, so that it is read from the disk as needed"
    )
