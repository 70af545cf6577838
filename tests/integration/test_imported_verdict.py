"""A verdict over quality and speed out of other tools' files, by the command line and without any request."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.commands import Done, call
from tests.integration.foreign import write_guidellm, write_lm_eval
from tests.unit.importers.examples import RESULTS, needs_results

METRIC = "sums.exact_match,strict"
BAN = """
import os, sys

def audit(event, args):
    if event in {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"}:
        with open(os.environ["SOCKETS_SEEN"], "a") as file:
            file.write(f"{event} {args[1:]}\\n")
        raise ConnectionRefusedError("this needs no request")

sys.addaudithook(audit)
"""


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which a process that opens a socket fails and leaves a trace."""
    folder = tmp_path / "ban"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BAN)
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": paths, "SOCKETS_SEEN": str(tmp_path / "sockets.txt")}


def no_request(offline: dict[str, str]) -> bool:
    return not Path(offline["SOCKETS_SEEN"]).exists()


def decide(tmp_path: Path, offline: dict[str, str], rule: dict[str, Any]) -> Done:
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(rule))
    words = ("decide", "--policy", "policy.yaml", "--gate", "--json")
    return call(*words, cwd=tmp_path, env=offline)


def test_the_ban_is_felt(tmp_path: Path, offline: dict[str, str]) -> None:
    call("doctor", "--endpoint", "http://127.0.0.1:9/v1", cwd=tmp_path, env=offline)
    assert not no_request(offline)


@needs_results
def test_real_files_of_two_tools_give_a_verdict_over_quality_and_speed(
    tmp_path: Path, offline: dict[str, str]
) -> None:
    files = [RESULTS / name for name in ("lm-eval-0.4.13-results.json", "guidellm-0.8.1.json")]
    done = call("import", *files, "--rename", "truth=smollm2-135m", "--json", cwd=tmp_path, env=offline)
    assert done.code == 0, done.err
    (target,) = done.document()["targets"]
    assert target["metrics"]["gsm8k_local.exact_match,strict-match"]["n"] == 16
    assert target["metrics"]["load.ttft.p50"]["n"] == 192
    assert any("taken for one target" in warning for warning in done.document()["warnings"])
    metric = "gsm8k_local.exact_match,strict-match"
    slow = decide(tmp_path, offline, {"quality": {"metric": metric}, "slo": {"ttft": "200ms"}})
    assert slow.code == 3, slow.err
    (missed,) = slow.document()["verdict"]["constraints"]
    assert missed["state"] == "missed"
    assert "of 192 requests" in missed["text"]
    rule = {"quality": {"metric": metric}, "slo": {"ttft": "1s", "attainment": 0.9}}
    quick = decide(tmp_path, offline, rule).document()
    assert [one["state"] for one in quick["verdict"]["constraints"]] == ["met"]
    assert quick["verdict"]["choice"] == "smollm2-135m"
    assert no_request(offline)


@needs_results
def test_every_tool_of_the_real_files_goes_into_one_run(tmp_path: Path, offline: dict[str, str]) -> None:
    done = call("import", RESULTS, "--json", cwd=tmp_path, env=offline)
    assert done.code == 0, done.err
    assert len(done.document()["targets"]) > 1
    assert call("report", cwd=tmp_path, env=offline).code == 0
    assert no_request(offline)


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """`good` answers best but is slow, `quick` nearly as good and fast, `unmeasured` was never under load."""
    good = [1.0] * 180 + [0.0] * 20
    quick = [1.0] * 178 + [0.0] * 22
    return [
        write_lm_eval(tmp_path, "good", good),
        write_lm_eval(tmp_path, "quick", quick),
        write_lm_eval(tmp_path, "unmeasured", good),
        write_guidellm(tmp_path / "good.json", "good", [0.9] * 100),
        write_guidellm(tmp_path / "quick.json", "quick", [0.1] * 100),
    ]


def test_what_was_not_measured_is_not_within_the_rules(
    tmp_path: Path, offline: dict[str, str], three: list[Path]
) -> None:
    assert call("import", *three, cwd=tmp_path, env=offline).code == 0
    rule = {"quality": {"metric": METRIC}, "slo": {"ttft": "500ms", "attainment": 0.9}}
    verdict = decide(tmp_path, offline, rule).document()["verdict"]
    states = {one["target"]: one["state"] for one in verdict["constraints"]}
    assert states == {"good": "missed", "quick": "met", "unmeasured": "open"}
    told = " ".join(verdict["reasons"])
    assert "unmeasured: latency was not measured" in told


def test_a_challenger_within_the_margin_may_be_chosen_for_its_speed(
    tmp_path: Path, offline: dict[str, str], three: list[Path]
) -> None:
    assert call("import", *three[:2], *three[3:], cwd=tmp_path, env=offline).code == 0
    rule = {
        "incumbent": "good",
        "quality": {"metric": METRIC, "margin": 0.05},
        "slo": {"ttft": "500ms", "attainment": 0.9},
    }
    done = decide(tmp_path, offline, rule)
    assert done.document()["verdict"]["choice"] == "quick"
