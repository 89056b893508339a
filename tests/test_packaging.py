"""Contents and names of the wheel, and the cost of importing it."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOMES = {"diagnose": "diagnose", "checks": "diagnose/checks", "reports": "diagnose/reports"}  # folder -> in the wheel
HEAVY = {
    "keras",
    "tensorflow",
    "numpy",
    "scipy",
    "pandas",
    "sklearn",
    "matplotlib",
    "pydantic",
    "click",
    "rich",
    "jinja2",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "core"}


def modules() -> dict[str, Path]:
    """Every file that belongs in the wheel, by its path there, without following the two links."""
    found = {}
    for folder, home in HOMES.items():
        for file in (ROOT / folder).rglob("*"):
            inside = file.relative_to(ROOT / folder)
            linked = folder == "diagnose" and inside.parts[0] in ("checks", "reports")
            wanted = file.suffix == ".py" or file.name == "py.typed" or "templates" in inside.parts
            if file.is_file() and wanted and not linked and "__pycache__" not in inside.parts:
                found[f"{home}/{inside.as_posix()}"] = file
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel, built from a copy of the sources to keep the checkout clean."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in HOMES:
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(out), str(copy)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (file,) = out.glob("*.whl")
    return set(zipfile.ZipFile(file).namelist())


def test_the_wheel_contains_all_modules_and_only_these(wheel: set[str]) -> None:
    packaged = {name for name in wheel if ".dist-info/" not in name}
    assert packaged == set(modules())


def test_the_wheel_adds_one_name_to_site_packages(wheel: set[str]) -> None:
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == {"diagnose"}


def test_the_wheel_contains_licence_and_command(wheel: set[str]) -> None:
    about = {name.split(".dist-info/")[1] for name in wheel if ".dist-info/" in name}
    assert {"licenses/LICENSE", "entry_points.txt"} <= about


@pytest.mark.parametrize("name", ["checks", "reports"])
def test_the_links_point_to_the_folders_at_the_top(name: str) -> None:
    link = ROOT / "diagnose" / name
    assert link.is_symlink()
    assert link.readlink() == Path("..", name)


def test_every_package_is_listed_in_pyproject() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {str(Path(name).parent).replace("/", ".") for name in modules() if name.endswith("__init__.py")}
    assert set(listed["packages"]) == set(listed["package-dir"]) == folders


def test_importing_diagnose_imports_nothing_heavy() -> None:
    code = "import sys, diagnose; print(*{name.split('.')[0] for name in sys.modules})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not HEAVY & set(ran.stdout.split())


@pytest.mark.parametrize("command", [("list",), ("explain", "dead-units")])
def test_list_and_explain_start_without_numpy(command: tuple[str, ...]) -> None:
    code = (
        f"from diagnose.cli import cli; cli.main({command!r}, standalone_mode=False); import sys; print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(ran.stdout.splitlines()[-1].split())
    assert "diagnose.checks" in loaded
    assert not loaded & {"keras", "tensorflow", "scipy", "pandas", "sklearn", "numpy._core"}


def test_no_module_has_a_vague_name() -> None:
    assert not {name for name in modules() if Path(name).stem in VAGUE}
