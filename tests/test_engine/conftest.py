"""What the tests of the engine share."""
import pytest


@pytest.fixture(autouse=True)
def no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out flushes: what is in the files is looked at here, not a power cut; on a busy disk one takes seconds."""
    monkeypatch.setattr('os.fsync', lambda descriptor: None)
