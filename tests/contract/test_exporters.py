import pytest

from bakeoff import plugins
from bakeoff.errors import UsageError
from bakeoff.testing.contracts.exporters import check_exporter, make_run

EXPORTERS = {
    "csv": ({}, 1),
    "excel": ({}, 1),
    "guidellm": ({}, 1),
    "junit": ({}, 1),
    "kit": ({}, 4),
    "matrix": ({}, 1),
    "promptfoo": ({}, 1),
    "summary": ({}, 1),
}


TASKS = {"lm_eval"}
"""They say only what some tasks give, and are tested with these."""


STORED = {"evidence"}
"""They keep the files of a stored run as they are, and are tested with one."""


def test_every_exporter_has_an_example():
    assert sorted({*EXPORTERS, *TASKS, *STORED}) == plugins.names("exporters")


@pytest.mark.parametrize("name", sorted(EXPORTERS))
def test_exporter_keeps_the_contract(name, tmp_path):
    options, files = EXPORTERS[name]
    assert len(check_exporter(plugins.create("exporters", name, options), tmp_path)) == files


@pytest.mark.parametrize("name", sorted(STORED))
def test_exporter_of_stored_files_refuses_a_run_without_any(name, tmp_path):
    with pytest.raises(UsageError, match="stored"):
        plugins.create("exporters", name, {}).write(make_run([]), tmp_path)
    assert not list(tmp_path.iterdir())


def test_kit_of_2024_keeps_the_contract(tmp_path):
    assert len(check_exporter(plugins.create("exporters", "kit", {"edition": "2024"}), tmp_path)) == 4
