"""Ports for servers that are started again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.ports import HANDED_OUT, free_port

REPO = Path(__file__).parents[1]
# It lives until it has been told that nobody asks any more.
ASK = "from tests.ports import free_port; print([free_port() for _ in range(50)], flush=True); input()"


def test_processes_beside_each_other_get_different_ports() -> None:
    asked = [
        subprocess.Popen([sys.executable, "-c", ASK], cwd=REPO, text=True, stdin=-1, stdout=-1) for _ in "ab"
    ]
    ours = [free_port() for _ in range(50)]
    theirs = [json.loads(process.stdout.readline()) for process in asked if process.stdout]
    for process in asked:
        process.communicate("\n")
    ports = [*ours, *theirs[0], *theirs[1]]
    assert len(ports) == len(set(ports)) == 150


@pytest.mark.skipif(not HANDED_OUT.exists(), reason="this system does not tell which ports it hands out")
def test_the_system_hands_out_none_of_them() -> None:
    assert free_port() < int(HANDED_OUT.read_text().split()[0])
