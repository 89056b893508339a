import pytest

from diagnose.viewing.folder import Folder


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait for all results, so that a busy machine shows them, too."""
    monkeypatch.setattr(Folder, "patience", None)
