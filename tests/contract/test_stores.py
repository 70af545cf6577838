"""Every store of ours keeps the contract of its family."""

import contextlib

import pytest

from bakeoff import plugins
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.contracts.stores import Opened, check_store

READERS = {"jsonl": read_records}


def test_every_store_has_a_reader():
    assert sorted(READERS) == plugins.names("stores")


@pytest.mark.parametrize("name", READERS)
def test_it_keeps_the_contract_of_stores(name, tmp_path):
    with contextlib.closing(plugins.load("stores", name)(tmp_path)) as store:
        check_store(Opened(store=store, read=lambda kind: READERS[name](tmp_path, kind)))
