"""Texts as rows: what is in them, which are read, and a model that takes them."""

from pathlib import Path

import numpy as np
import pytest

from diagnose.loading import LoadOptions, load
from diagnose.loading.data import texts
from diagnose.loading.data.reading import read_data
from diagnose.loading.data.texts import read_lines
from diagnose.loading.signatures import Port, Signature

TEXT = Signature((Port("text", (), "string"),), (Port("label", (1,)),))


def write(folder: Path, name: str, content: bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def test_texts_are_kept_as_they_are_with_their_class(tmp_path: Path) -> None:
    write(tmp_path, "pos/1.txt", "schön\r\ngut".encode())
    write(tmp_path, "neg/1.txt", "häßlich".encode("latin-1"))
    part = read_data(tmp_path, TEXT, LoadOptions())[""]
    assert part.inputs[""].tolist() == ["häßlich", "schön\ngut"]
    assert part.targets[""].tolist() == [0, 1]
    assert part.class_names == ("neg", "pos")


def test_of_many_texts_a_seeded_sample_of_every_class_is_read(tmp_path: Path) -> None:
    for number in range(40):
        write(tmp_path, f"{'pos' if number % 4 else 'neg'}/{number}.txt", b"words")
    part = read_data(tmp_path, TEXT, LoadOptions(rows=20))[""]
    assert part.targets[""].sum() / len(part.targets[""]) == pytest.approx(0.75, abs=0.06)
    assert len(part.targets[""]) <= 20
    assert part.notes[0].endswith(f"{len(part.targets[''])} of 40 texts were read, a seeded sample of every class")


def test_of_large_texts_fewer_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        write(tmp_path, f"{number % 2}/{number}.txt", bytes(100))
    monkeypatch.setattr(texts, "BYTES", 400)
    assert len(read_data(tmp_path, TEXT, LoadOptions())[""].targets[""]) == 4


def test_lines_and_their_labels(tmp_path: Path) -> None:
    write(tmp_path, "train.txt", b"good film\nbad film\nso so\n")
    for labels, expected in {b"1\n0\n2\n": [1, 0, 2], b"0.5\n1\n2\n": [0.5, 1, 2], b"a\nb\na": ["a", "b", "a"]}.items():
        write(tmp_path, "train_labels.txt", labels)
        part = read_data(tmp_path / "train.txt", TEXT, LoadOptions())["train"]
        assert part.inputs[""].tolist() == ["good film", "bad film", "so so"]
        assert part.targets[""].tolist() == expected


def test_of_many_lines_a_seeded_sample_is_read(tmp_path: Path) -> None:
    write(tmp_path, "train.txt", b"\n".join(b"line %d" % number for number in range(100)))
    write(tmp_path, "train_labels.txt", b"\n".join(b"%d" % number for number in range(100)))
    part = read_lines(tmp_path / "train.txt", tmp_path / "train_labels.txt", TEXT, LoadOptions(rows=10))
    assert [int(text.split()[1]) for text in part.inputs[""]] == part.targets[""].tolist()
    assert part.notes[0].endswith("10 of 100 lines were read, a seeded sample")


def test_a_model_that_takes_text_is_loaded_with_texts(tmp_path: Path) -> None:
    import keras

    for number in range(8):
        write(tmp_path, f"data/{'pos' if number % 2 else 'neg'}/{number}.txt", b"a good film" if number % 2 else b"bad")
    words = keras.layers.TextVectorization(10, output_sequence_length=4, vocabulary=["good", "bad", "film"])
    model = keras.Sequential(
        [
            keras.Input((1,), dtype="string"),
            words,
            keras.layers.Embedding(10, 2),
            keras.layers.Flatten(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("sgd", "binary_crossentropy")
    model.save(tmp_path / "m.keras")
    subject = load(tmp_path / "m.keras", tmp_path / "data", LoadOptions())
    assert subject.train.inputs[0].shape == (8, 1)
    assert np.array_equal(subject.train.targets[0].reshape(-1), [0] * 4 + [1] * 4)
