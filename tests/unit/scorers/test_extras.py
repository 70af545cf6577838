import sys

import pytest

from bakeoff.plugins import PluginError, create
from bakeoff.scorers import _extra

NEEDS = {
    "is-json": ("jsonschema", {"value": {"type": "object"}}),
    "contains-json": ("jsonschema", {"value": {"type": "object"}}),
    "is-valid-function-call": ("jsonschema", {}),
    "is-valid-openai-tools-call": ("jsonschema", {}),
    "is-sql": ("sqlglot", {}),
    "contains-sql": ("sqlglot", {}),
    "levenshtein": ("rapidfuzz", {}),
    "rouge-l": ("rapidfuzz", {}),
}


@pytest.mark.parametrize("name", NEEDS)
def test_a_missing_package_names_the_install_before_the_run(monkeypatch, name):
    package, options = NEEDS[name]
    monkeypatch.setitem(sys.modules, package, None)
    for part in ("exceptions", "distance"):
        monkeypatch.setitem(sys.modules, f"{package}.{part}", None)
    with pytest.raises(PluginError) as caught:
        create("scorers", name, options)
    assert f"`{package}`" in str(caught.value)
    assert "pip install -c constraints.txt '.[scorers]'" in caught.value.hint


def test_without_a_schema_json_needs_no_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    assert create("scorers", "is-json", {}).value is None


def test_an_error_without_a_name_is_told_too():
    assert "`odd`" in str(_extra.missing("x", ImportError("odd")))
