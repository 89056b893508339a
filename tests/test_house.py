"""README, CI and changelog agree with the code."""

import re
import subprocess
import tomllib
from pathlib import Path

import diagnose

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CI = (ROOT / ".ci/run").read_text()


def commands() -> list[str]:
    """README's commands that create an environment: the first runs the demo, the second the tests."""
    return [line for line in README.splitlines() if line.startswith("python3 -m venv")]


def test_readme_has_two_commands() -> None:
    demo, tests = commands()
    assert demo.endswith("diagnose demo")
    assert tests.endswith("pytest")


def test_ci_runs_the_readme_command_for_the_tests() -> None:
    assert commands()[1] in CI


def test_ci_is_executable_and_well_formed() -> None:
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT, check=True)


def test_the_extras_of_the_commands_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = {name for line in commands() for group in re.findall(r"\[([\w,-]+)\]", line) for name in group.split(",")}
    assert asked
    assert asked <= set(extras)


def test_the_versions_agree() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert diagnose.__version__ == version
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()
