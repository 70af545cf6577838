"""lm-eval's list of models gets ours, and a missing lm-eval is named."""

import runpy
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bakeoff.errors import PluginError
from bakeoff.lm import NAME, register
from bakeoff.lm.registering import harness_module


def test_the_model_is_found_by_its_name_and_again_does_no_harm():
    registry = pytest.importorskip("lm_eval.api.registry", reason="needs lm-eval")
    register()
    register()
    found = registry.get_model(NAME)
    assert found.__module__ == "bakeoff.lm.model"


def test_lm_evals_own_models_stay():
    pytest.importorskip("lm_eval.api.registry", reason="needs lm-eval")
    script = "from bakeoff.lm import register; register(); from lm_eval.api.registry import get_model; "
    script += "print(get_model('dummy').__name__, get_model('bakeoff').__name__)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, text=True)
    assert done.stdout.split() == ["DummyLM", "BakeoffLM"], done.stderr


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval.api.registry", None)
    with pytest.raises(PluginError, match=r"'\.\[lm-eval\]'"):
        register()
    with pytest.raises(PluginError, match="no_such_thing"):
        harness_module("no_such_thing")


def test_the_command_ends_with_the_code_of_its_mistake(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "lm_eval.api.registry", None)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("bakeoff.lm", run_name="__main__")
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: this needs the package")


def test_an_interrupt_is_no_traceback(monkeypatch, capsys):
    pytest.importorskip("lm_eval.api.registry", reason="needs lm-eval")

    def stopped():
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "lm_eval.__main__", SimpleNamespace(cli_evaluate=stopped))
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("bakeoff.lm", run_name="__main__")
    assert ended.value.code == 130
    assert capsys.readouterr().err.startswith("interrupted")
