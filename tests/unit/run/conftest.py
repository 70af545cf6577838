"""A run with its signed archive, for tests that verify it."""

import pytest
from tests.unit.run.evidence_shop import Shop
from tests.unit.run.stored_runs import write_run

from bakeoff.evidence import make_key
from bakeoff.run.exporting import export_run


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("evidence")
    run = write_run(root)
    make_key(root / "keys", "alice")
    make_key(root / "keys", "mallory")
    (archive,) = export_run(run, "evidence", root / "out", {"key": "alice", "keys": str(root / "keys")})
    return Shop(run=run, archive=archive, keys=root / "keys")
