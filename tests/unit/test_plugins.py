"""Implementations are found by name, made from checked options, and what is wrong is said."""

from importlib.metadata import EntryPoint

import pytest

from bakeoff import plugins
from bakeoff.errors import PluginError
from bakeoff.scorers.exact import Exact


def test_names_are_sorted_and_each_can_be_loaded():
    names = plugins.names("scorers")
    assert names == sorted(names)
    assert "exact" in names
    assert plugins.load("scorers", "exact") is Exact
    assert plugins.names("no such family") == []


def test_options_make_the_implementation():
    assert plugins.create("scorers", "exact", {"ignore_case": True}) == Exact(ignore_case=True)


def test_an_unknown_name_is_told_with_the_nearest_and_all_others():
    with pytest.raises(PluginError, match="Did you mean `exact`") as caught:
        plugins.load("scorers", "exakt")
    assert caught.value.exit_code == 2
    assert "numeric" in caught.value.hint


def test_nothing_is_suggested_for_what_is_like_nothing():
    assert plugins.suggest("zzz", ["exact"]) == ""
    assert plugins.suggest("exac", iter(["exact"])) == " Did you mean `exact`?"


@pytest.mark.parametrize("options", [{"ignore_cas": True}, {"ignore_case": "yes"}])
def test_a_wrong_option_is_told_with_its_owner(options):
    with pytest.raises(PluginError, match=r"the options of `exact` \(scorers\) are wrong"):
        plugins.create("scorers", "exact", options)


def test_a_missing_package_is_told_with_what_installs_it(monkeypatch):
    point = EntryPoint(name="far", value="no_such_package_of_anyone.part:Thing", group="bakeoff.scorers")
    monkeypatch.setattr(plugins, "_points", lambda _: {"far": point})
    with pytest.raises(PluginError, match="needs the package `no_such_package_of_anyone`") as caught:
        plugins.load("scorers", "far")
    assert caught.value.hint == "pip install no_such_package_of_anyone"


def test_a_part_of_our_own_that_is_missing_is_a_bug_and_not_a_package_to_install(monkeypatch):
    point = EntryPoint(name="far", value="bakeoff.no_such_part:Thing", group="bakeoff.scorers")
    monkeypatch.setattr(plugins, "_points", lambda _: {"far": point})
    with pytest.raises(ImportError):
        plugins.load("scorers", "far")
