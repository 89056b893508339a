"""The user's own loader, and the template for one: every text that is printed is completed here and run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from diagnose import cli
from diagnose.errors import InputError
from diagnose.loading import LoadOptions, load, subject_from
from diagnose.loading.data.loader_templates import NotUnderstoodError, template
from diagnose.loading.data.reading import read_data
from diagnose.loading.signatures import Port, Signature
from diagnose.subject import Subject

Make = Callable[..., Any]
MAKE = "import numpy as np\nx, y = np.arange(36.).reshape(12, 3), np.arange(12) % 2\n"
TABLE = Signature((Port("features", (3,)),), (Port("label", (1,)),))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, make_model: Make) -> Path:
    path: Path = tmp_path_factory.mktemp("models") / "m.keras"
    make_model(activation="sigmoid", loss="binary_crossentropy").save(path)
    return path


def loaded(model: Path, folder: Path, code: str, name: str = "load") -> Subject:
    (folder / "own.py").write_text(code)
    return load(model, folder, LoadOptions(loader=f"{folder / 'own.py'}:{name}"))


def message(model: Path, folder: Path, code: str, name: str = "load") -> str:
    with pytest.raises(InputError) as error:
        loaded(model, folder, code, name)
    text = str(error.value)
    assert "\n" not in text
    return text.replace(f"{folder}/", "")


# --- what a loader returns -----------------------------------------------------------------------

RETURNED = {
    "rows": ("x, y", {"train": 12}),
    "rows and weights": ("x, y, y + 1.", {"train": 12}),
    "splits by name": (
        '{"training": (x, y), "val": (x[:4], y[:4]), "Test": (x[:2], y[:2])}',
        {"train": 12, "dev": 4, "test": 2},
    ),
    "no dev set": ('{"train": (x, y), "dev": None}', {"train": 12}),
    "train and dev": ("(x, y), (x[:4], y[:4])", {"train": 12, "dev": 4}),
    "train, dev and test": ("(x, y), (x[:4], y[:4]), (x[:2], y[:2])", {"train": 12, "dev": 4, "test": 2}),
    "arrays by name": ('{"x_train": x, "y_train": y, "x_dev": x[:3], "y_dev": y[:3]}', {"train": 12, "dev": 3}),
    "a generator": ("((x[i : i + 5], y[i : i + 5]) for i in range(0, 12, 5))", {"train": 12}),
    "lists": ("x.tolist(), y.tolist()", {"train": 12}),
    "tf.data": ("tf.data.Dataset.from_tensor_slices((x, y)).batch(5)", {"train": 12}),
    "tf.data for each": (
        "(d := tf.data.Dataset.from_tensor_slices((x, y)).batch(5)), d.take(1)",
        {"train": 12, "dev": 5},
    ),
}


@pytest.mark.parametrize("form", RETURNED)
def test_what_a_loader_returns(form: str, model: Path, tmp_path: Path) -> None:
    returned, expected = RETURNED[form]
    subject = loaded(model, tmp_path, f"import tensorflow as tf\n{MAKE}def load(data):\n    return {returned}\n")
    assert {split.name: split.rows for split in subject.splits} == expected


def test_a_loader_gets_the_path_and_may_import_what_lies_beside_it(model: Path, tmp_path: Path) -> None:
    (tmp_path / "preparing_of_a_user.py").write_text(MAKE)
    code = (
        "from pathlib import Path\nimport preparing_of_a_user as own\n"
        "def load(data):\n    assert isinstance(data, Path) and data.is_dir()\n    print('reading')\n"
        "    import preparing_of_a_user\n    return own.x, own.y\n"
    )
    assert loaded(model, tmp_path, code).train.rows == 12


def test_a_loader_prints_nothing_into_the_results(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded(model, tmp_path, f"{MAKE}def load(data):\n    print('reading')\n    return x, y\n")
    assert capsys.readouterr().out == ""


def test_a_loader_reads_the_further_paths_too(model: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(f"{MAKE}def load(data):\n    n = len(data.name)\n    return x[:n], y[:n]\n")
    for name in ("eight888", "four"):
        (tmp_path / name).mkdir()
    options = LoadOptions(loader=f"{tmp_path / 'own.py'}:load", dev=tmp_path / "four")
    subject = load(model, tmp_path / "eight888", options)
    assert [(split.name, split.rows) for split in subject.splits] == [("train", 8), ("dev", 4)]


def test_no_loader_runs_that_was_not_named(model: Path, tmp_path: Path) -> None:
    (tmp_path / "loader.py").write_text("raise SystemExit('run')")
    np.savez(tmp_path / "train.npz", x=np.zeros((4, 3)), y=[0, 1, 0, 1])
    assert load(model, tmp_path, LoadOptions()).train.rows == 4


# --- what fails ----------------------------------------------------------------------------------


def test_the_option_is_not_written_so(model: Path, tmp_path: Path) -> None:
    for option in ("own.py", "own.py:", ":load"):
        with pytest.raises(InputError, match=f"^--loader must be FILE.py:FUNCTION, got {option}$"):
            load(model, tmp_path, LoadOptions(loader=option))


def test_the_file_is_missing(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--loader none\.py: there is no such file$"):
        load(model, tmp_path, LoadOptions(loader="none.py:load"))


def test_the_function_is_missing(model: Path, tmp_path: Path) -> None:
    assert message(model, tmp_path, MAKE, "read") == "--loader own.py:read: own.py defines no function read"


def test_the_file_fails(model: Path, tmp_path: Path) -> None:
    expected = "--loader own.py: the file fails with ZeroDivisionError: division by zero (own.py, line 2)"
    assert message(model, tmp_path, "x = 1\nx / 0\n") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    return open('none')", "FileNotFoundError: [Errno 2] No such file or directory: 'none' (own.py, line 4)"),
        ("    return np.zeros(3)[7]", "IndexError: index 7 is out of bounds for axis 0 with size 3 (own.py, line 4)"),
        ("    raise SystemExit('no data')", "SystemExit: no data (own.py, line 4)"),
        ("    raise ValueError", "ValueError: no message (own.py, line 4)"),
    ],
)
def test_the_function_fails(body: str, expected: str, model: Path, tmp_path: Path) -> None:
    text = message(model, tmp_path, f"{MAKE}def load(data):\n{body}\n")
    assert text == f"--loader own.py:load: it fails with {expected}"


def test_what_it_yields_fails(model: Path, tmp_path: Path) -> None:
    text = message(model, tmp_path, f"{MAKE}def load(data):\n    yield x, y\n    raise KeyError('a')\n")
    assert text == f"load({tmp_path.name}): the generator fails with KeyError: 'a' (own.py, line 5)"


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("None", "nothing"),
        ("7", "int"),
        ('{"first": (x, y), "second": (x, y)}', "a dict with the keys first, second"),
    ],
)
def test_it_returns_something_else(returned: str, expected: str, model: Path, tmp_path: Path) -> None:
    assert message(model, tmp_path, f"{MAKE}def load(data):\n    return {returned}\n") == (
        "--loader own.py:load must return (x, y), a dataset of batches, or a dict of these with the keys train, "
        f"dev and test, got {expected}"
    )


def test_a_loader_reads_paths_only(make_model: Make) -> None:
    rows = (np.zeros((4, 3)), np.zeros(4))
    with pytest.raises(InputError, match=r"^--loader own\.py:load reads a path: pass the path of the data as train$"):
        subject_from(make_model(), rows, options=LoadOptions(loader="own.py:load"))


# --- the template --------------------------------------------------------------------------------


def completed(text: str, function: str, body: str) -> str:
    """The template with its one open function completed."""
    unfinished = f'    raise NotImplementedError("complete {function}()")\n'
    assert text.count(unfinished) == 1
    return text.replace(unfinished, body)


def offered(folder: Path, signature: Signature = TABLE) -> str:
    with pytest.raises(NotUnderstoodError) as error:
        read_data(folder, signature, LoadOptions())
    assert str(error.value).endswith(
        "; or read it with a function of yours, --loader FILE.py:FUNCTION (a template follows)"
    )
    return error.value.template


def test_the_template_for_a_folder(model: Path, tmp_path: Path) -> None:
    for index in range(4):
        (tmp_path / f"{index}.xyz").write_text(f"{index} 1 2 {index % 2}")
    text = offered(tmp_path)
    assert (
        '#   it takes the input "features": float32 of shape (3,)\n#   it gives the output "label": of shape (1,)'
        in text
    )
    assert "# DATA holds 4 files (4 .xyz), such as 0.xyz, 1.xyz, 2.xyz, 3.xyz.\n" in text
    assert message(model, tmp_path, text).endswith("NotImplementedError: complete read() (own.py, line 31)")
    body = "    *x, y = map(float, file.read_text().split())\n    return np.array(x), y\n"
    subject = loaded(model, tmp_path, completed(text, "read", body))
    assert subject.train.inputs[0].tolist() == [[index, 1, 2] for index in range(4)]
    assert subject.train.targets[0][:, 0].tolist() == [0, 1, 0, 1]


def test_the_template_for_several_inputs(tmp_path: Path) -> None:
    two = Signature((Port("left", (3,)), Port("right", (None, 2))), (Port("label", (1,)), Port("price", (1,))))
    text = template(tmp_path, two)
    assert '#   x: {"left": an array of shape (3,), "right": an array of shape (None, 2)}' in text


def test_the_template_for_a_file(model: Path, tmp_path: Path) -> None:
    (tmp_path / "d.bin").write_bytes(bytes(range(48)))
    text = offered(tmp_path / "d.bin")
    assert "# DATA holds the file d.bin.\n" in text
    body = "    rows = np.frombuffer(file.read_bytes(), 'u1').reshape(12, 4)\n    return rows[:, :3], rows[:, 3] % 2\n"
    (tmp_path / "own.py").write_text(completed(text, "read", body))
    subject = load(model, tmp_path / "d.bin", LoadOptions(loader=f"{tmp_path / 'own.py'}:load"))
    assert subject.train.inputs[0][1].tolist() == [4, 5, 6]


def records(path: Path) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for index in range(7):
            fields = {
                "numbers": tf.train.Feature(float_list=tf.train.FloatList(value=[index, 1, 2])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[index % 2])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=fields)).SerializeToString())


def test_the_template_for_tfrecords(model: Path, tmp_path: Path) -> None:
    records(tmp_path / "train.tfrecord-00000-of-00001")
    text = offered(tmp_path)
    assert "    'label': tf.io.FixedLenFeature([], tf.int64),\n" in text
    assert "    'numbers': tf.io.FixedLenFeature([3], tf.float32),\n" in text
    assert "NotImplementedError: complete row()" in message(model, tmp_path, text)
    subject = loaded(model, tmp_path, completed(text, "row", '    return fields["numbers"], fields["label"]\n'))
    assert subject.train.inputs[0].tolist() == [[index, 1, 2] for index in range(7)]


def test_the_template_for_one_file_of_tfrecords(model: Path, tmp_path: Path) -> None:
    records(tmp_path / "d.tfrec")
    text = offered(tmp_path / "d.tfrec")
    (tmp_path / "own.py").write_text(completed(text, "row", '    return fields["numbers"], fields["label"]\n'))
    assert load(model, tmp_path / "d.tfrec", LoadOptions(loader=f"{tmp_path / 'own.py'}:load")).train.rows == 7


def test_records_that_are_not_examples(tmp_path: Path) -> None:
    (tmp_path / "a.tfrecord").write_bytes(b"\x00" * 40)
    assert '    "image": tf.io.FixedLenFeature([], tf.string),\n' in offered(tmp_path)


def test_names_in_a_template_cannot_become_code(tmp_path: Path) -> None:
    (tmp_path / "a\nraise SystemExit.xyz").write_text("")
    port = Port('"""\nraise SystemExit\n', (3,))
    for text in (offered(tmp_path, Signature((port,), (port,))), template(tmp_path, Signature((port, port), (port,)))):
        assert not any(line.startswith("raise") for line in text.splitlines())
        compile(text, "template", "exec")


def test_the_command_prints_the_template_apart_from_the_sentence(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.xyz").write_text("1")
    monkeypatch.setattr("sys.argv", ["diagnose", str(model), str(tmp_path), "--quiet"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed = capfd.readouterr()
    assert stop.value.code == 2
    compile(printed.out, "template", "exec")
    assert "def load(data: Path) -> dict:\n" in printed.out
    assert printed.err.startswith(f"diagnose: {tmp_path} holds no data in a format that diagnose reads (a.xyz): put ")
    assert printed.err.count("\n") == 1
