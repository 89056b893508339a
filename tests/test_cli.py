"""The command as a user runs it: exit status, files, messages."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from diagnose.commands.explain import explanation
from diagnose.errors import InputError

TOP_LEVEL = {
    "schema", "tool", "subject", "settings", "state", "causes", "findings",
    "checks", "verdicts", "remedies", "effects", "coverage", "timing",
}  # fmt: skip


def diagnose(*arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "diagnose", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained model and its data in a folder."""
    place = tmp_path_factory.mktemp("user")
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x[:1400], y[:1400], epochs=20, verbose=0)
    model.save(place / "model.keras")
    data = place / "data"
    data.mkdir()
    np.savez(data / "train.npz", x=x[:1400], y=y[:1400])
    np.savez(data / "dev.npz", x=x[1400:], y=y[1400:])
    return place


def test_json_and_page_are_written(folder: Path) -> None:
    done = diagnose("model.keras", "data", "--effort", "quick", "--out", "results", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "NO FAULT FOUND" in done.stdout
    names = sorted(path.suffix for path in (folder / "results").iterdir())
    assert names == [".html", ".json"]
    page = next((folder / "results").glob("*.html"))
    assert str(page.name) in done.stdout.replace("\n", "")


def test_json_on_standard_output_only(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    done = diagnose("--effort", "quick", "model.keras", "data", "--json", "-", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result) >= TOP_LEVEL
    assert result["state"] == "healthy"
    assert result["verdicts"]["fast_ai"][0]["item"] == "more-data"
    assert sorted(folder.rglob("*")) == before


@pytest.mark.slow
def test_same_seed_same_diagnosis(folder: Path) -> None:
    """Apart from timing, seconds, dates and paths."""
    results = []
    for name in ("a.json", "b.json"):
        plan = ("--plan", "a.json") if results else ()
        done = diagnose("model.keras", "data", "--json", name, "--quiet", *plan, cwd=folder)
        assert done.returncode == 0, done.stderr
        result = json.loads((folder / name).read_text())
        for key in ("timing", "date"):
            result.pop(key)
        result["settings"].pop("command")
        for check in result["checks"]:
            check.pop("seconds")
        results.append(json.dumps(_without_seconds(result), sort_keys=True))
    assert results[0] == results[1]


def _without_seconds(value: object) -> object:
    """Remove the seconds that baselines took."""
    if isinstance(value, dict):
        return {k: _without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [_without_seconds(v) for v in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_the_demo_repairs_its_model_and_shows_what_changed(tmp_path: Path) -> None:
    done = diagnose("demo", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "measured" in done.stdout and "gone" in done.stdout and "written: " in done.stdout
    kept = {path.name for path in tmp_path.rglob("better*")}
    assert kept == {"better.keras", "better.history.json", "better.py"}
    assert len(list((tmp_path / "out").glob("*.html"))) == 2  # the sick one and the repaired one


def test_fail_on_sets_the_exit_status(folder: Path, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(400, 64)).astype("float32")
    np.savez(tmp_path / "train.npz", x=x, y=np.random.default_rng(1).integers(0, 10, 400))
    arguments = ("model.keras", tmp_path, "--effort", "quick", "--json", "x.json", "--quiet", "--fail-on", "error")
    assert diagnose(*arguments, cwd=folder).returncode == 1
    assert diagnose("model.keras", "data", *arguments[2:], cwd=folder).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.keras", "data"), "missing.keras"),
        (("model.keras", "nowhere"), "nowhere"),
        (("model.keras", "empty"), "empty"),
        (("text.h5", "data"), "text.h5"),
        (("model.keras", "wrong.npz"), "(64"),
        (("model.keras", "labels.npz"), "10"),
        (("no-loss.keras", "data"), "--loss"),
        (("model.keras", "data", "--only", "no-such-check"), "no-such-check"),
        (("model.keras", "data", "--target-error", "much"), "--target-error"),
        (("model.keras", "data", "--json", "results.txt"), "results.txt"),
        (("model.keras", "data", "--rows", "few"), "few"),
        (("model.keras", "data", "--factory", "none.py:make"), "--factory none.py: there is no such file"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_error_is_one_line_and_nothing_is_written(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    _add_invalid_files(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    done = diagnose(*arguments, "--effort", "quick", cwd=folder)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def _add_invalid_files(folder: Path) -> None:
    if (folder / "empty").exists():
        return
    (folder / "empty").mkdir()
    (folder / "text.h5").write_text("not a model")
    rows = np.zeros((50, 7), "float32")
    np.savez(folder / "wrong.npz", x=rows, y=np.zeros(50, int))
    np.savez(folder / "labels.npz", x=np.zeros((50, 64), "float32"), y=np.arange(50))
    bare = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
    bare.save(folder / "no-loss.keras")


def test_explain_and_list(tmp_path: Path) -> None:
    done = diagnose("explain", "dead-units", cwd=tmp_path)
    assert done.returncode == 0
    assert "Why it matters" in done.stdout
    assert diagnose("explain", "ded-units", cwd=tmp_path).stderr.strip().endswith("did you mean 'dead-units'?")
    listed = diagnose("list", cwd=tmp_path).stdout
    assert "learning-rate-too-high" in listed and "\nCauses: directions\n" in listed


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("lr-too-high", "check learning-rate-too-high: "),
        ("overfitting", "cause high-variance: "),
        ("lr", "learning rate: "),
        ("learning rate", "learning rate: "),
        ("skill", "skill: "),
        ("replays", "replay: "),
        ("validation set", "dev set: "),
        ("bias", "avoidable bias: "),
        ("f1", "F1 score: "),
        ("IoU", "IoU: "),
        ("epochs", "epoch: "),
        ("calibration", "calibration: "),
        ("reliability diagram", "calibration: "),
        ("regularization", "regularisation: "),
        ("95 % interval", "interval: "),
        ("leakage", "cause split-leakage: "),
        ("vanishing gradient", "check vanishing-gradients: "),
    ],
)
def test_terms_and_synonyms_are_explained(asked: str, first: str) -> None:
    assert explanation(asked).startswith(first)


def test_a_part_of_several_codes_offers_them() -> None:
    with pytest.raises(InputError, match="'padding-not-masked' or 'mask-padding'"):
        explanation("padding")


def test_a_term_and_a_check_of_one_name_are_both_explained() -> None:
    assert [part.split(":")[0] for part in explanation("dead-units").split("\n\n") if part.startswith("cause")] == [
        "cause dead-units"
    ]
    assert explanation("dead-units").startswith("dead unit: ") and "check dead-units: " in explanation("dead-units")


def test_a_misspelt_sub_command_is_named(tmp_path: Path) -> None:
    done = diagnose("demoo", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.strip().endswith("did you mean 'diagnose demo'?")
    (tmp_path / "demoo").mkdir()
    assert "did you mean" not in diagnose("demoo", cwd=tmp_path).stderr


def test_junit_for_continuous_integration(folder: Path) -> None:
    done = diagnose("model.keras", "data", "--effort", "quick", "--junit", "checks.xml", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    suite = ElementTree.parse(folder / "checks.xml").getroot()
    assert int(suite.get("tests", "0")) == len(suite) > 50
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert int(suite.get("skipped", "0")) > 0


def test_help_names_the_commands(tmp_path: Path) -> None:
    text = diagnose("--help", cwd=tmp_path).stdout
    assert "MODEL DATA" in text
    assert "demo" in text
    assert "Exit status" in text


def test_a_full_output_is_said_in_one_sentence() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        line = [sys.executable, "-m", "diagnose", "list"]
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "diagnose: the standard output cannot be written: No space left on device\n"


def test_modules_of_the_user_do_not_hide_the_packages_that_we_use(tmp_path: Path) -> None:
    for name in ("click", "keras", "checks", "reports"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError\n")
    done = diagnose("list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
