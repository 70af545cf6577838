"""Every load engine of someone else has an importer of its name, and refuses before it sends."""

from pathlib import Path

import pytest

from bakeoff import plugins
from bakeoff.errors import UsageError
from bakeoff.records import LoadSpec
from bakeoff.records.outside import OutsideLoad, TokenLength


@pytest.mark.parametrize("name", plugins.names("executors"))
def test_an_executor_has_an_importer_and_refuses_an_unknown_load(name, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert name in plugins.names("importers")
    executor = plugins.create("executors", name, {})
    asked = OutsideLoad(
        endpoint="http://127.0.0.1:9/v1",
        model="m",
        provider="openai_chat",
        load=LoadSpec(kind="no-such-load"),
        prompt=TokenLength(mean=4.0),
        output=TokenLength(mean=4.0),
    )
    with pytest.raises(UsageError, match="no-such-load"):
        executor.check(asked)
    with pytest.raises(UsageError):
        executor.measure(asked, Path(tmp_path))
    assert list(tmp_path.iterdir()) == []
