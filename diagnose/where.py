"""Where trials run, and where their results are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diagnose.errors import InputError

EXTRA = "pip install 'keras-diagnose[cluster]'"
NAME = "trials.sqlite"  # the file for finished arms, in the folder of the reports
SCHEMES = ("dask", "ray")


@dataclass(frozen=True)
class Where:
    """The processes that train the arms of trials; what they find does not depend on it.

    `jobs` is the number of local processes, 1 for none but this one. `cluster` is the address of a Dask or Ray cluster
    ("dask://host:8786", "ray://host:10001"; "dask://" and "ray://" start one here), whose workers are used instead.
    `kept` is the file in which finished arms are kept (None: they are not).
    """

    jobs: int = 1
    cluster: str = ""
    kept: Path | None = None

    @property
    def here(self) -> bool:
        """Whether all runs in this process."""
        return self.jobs == 1 and not self.cluster


HERE = Where()


def where_from(jobs: int, cluster: str | None, kept: Path | None) -> Where:
    """Check what the user gave.

    Raises:
        InputError: there cannot be so many jobs, or the address is not one of a cluster that can be used here.
    """
    if jobs < 1:
        raise InputError(f"jobs must be at least 1, got {jobs}")
    if cluster:
        _require(cluster)
    return Where(jobs, cluster or "", kept)


def _require(cluster: str) -> None:
    from importlib.util import find_spec

    scheme, found, _ = cluster.partition("://")
    if not found or scheme not in SCHEMES:
        raise InputError(f"cluster must be dask://HOST:PORT or ray://HOST:PORT, got '{cluster}'")
    package = "distributed" if scheme == "dask" else "ray"
    if find_spec(package) is None:
        raise InputError(f"cluster {cluster} needs the package {package}: {EXTRA}")
