"""A job on another server step by step, against one that answers from a script."""

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tests.service.dialects.nemo.peer import CONTRACT, RESULT, Peer, scripted_peer

from bakeoff.server.faults import RefusedError
from bakeoff.server.remotes.faults import FailedThereError, RemoteError
from bakeoff.server.remotes.following import Following, counted
from bakeoff.server.remotes.nemo import MARK, NemoServer, Remote
from bakeoff.server.remotes.steps import (
    STEPS,
    Order,
    Steps,
    filled,
    read_result,
    read_steps,
    write,
)
from bakeoff.server.settings import DEFAULT_ENDPOINTS
from bakeoff.server.times import now_us
from bakeoff.stores.redact import Redactor

pytestmark = pytest.mark.timeout(120)
THEIRS = {"id": "eval-1234", "status": "running", "custom_fields": {MARK: "job-1"}}


class Scene:
    """A folder, a peer, and what was heard of the job."""

    def __init__(self, peer: Peer, url: str, folder: Path) -> None:
        self.peer, self.folder = peer, folder
        self.leaving = threading.Event()
        self.heard: list[Steps] = []
        self.remote = Remote(url=url, timeout=5, attempts=1, patience=1)

    def follow(self, **remote: Any) -> str:
        """Follow the job from where its folder says that it is."""
        place = Remote(
            **{name: getattr(self.remote, name) for name in self.remote.__struct_fields__} | remote
        )
        order = Order(remote=place, config={"type": "mmlu"}, target={}, name="m", model="m")
        server = NemoServer(place, endpoints=DEFAULT_ENDPOINTS, secrets={})
        following = Following(
            server,
            order,
            self.folder,
            redact=Redactor(("top-secret",)),
            leaving=self.leaving,
            heard=self._hear,
        )
        return following.follow()

    def _hear(self, steps: Steps) -> None:
        self.heard.append(steps)

    def begin(self, **steps: Any) -> None:
        """Say what an attempt before this one has done."""
        write(self.folder / STEPS, Steps(began_at=now_us(), **steps), Redactor())

    def asked(self, call: str) -> int:
        return [each.partition("?")[0] for each, _, _ in self.peer.asked].count(call)

    @property
    def message(self) -> str:
        return str(self.heard[-1].details.get("message"))


@pytest.fixture
def scene(tmp_path: Path) -> Generator[Scene]:
    with scripted_peer() as (peer, url):
        peer.script = {
            **CONTRACT,
            "GET /jobs": (200, {"data": []}),
            "GET /jobs/eval-1234": (200, {"id": "eval-1234", "status": "completed"}),
        }
        folder = tmp_path / "job-1"
        folder.mkdir()
        yield Scene(peer, url, folder)


def test_each_step_is_taken_once_and_noted(scene: Scene):
    assert scene.follow() == "completed"
    assert read_result(scene.folder) == {"tasks": RESULT["tasks"], "groups": {}}
    kept = read_steps(scene.folder)
    assert kept is not None
    assert (kept.registered, kept.job, kept.status) == (True, "eval-1234", "completed")
    before = len(scene.peer.asked)
    assert scene.follow() == "completed"
    assert [call for call, _, _ in scene.peer.asked[before:]] == [
        "GET /jobs/eval-1234",
        "GET /jobs/eval-1234/results",
    ]


def test_the_submission_is_noted_before_it_leaves(scene: Scene):
    def submitted(_body: Any) -> tuple[int, Any]:
        kept = read_steps(scene.folder)
        assert kept is not None
        assert kept.submitted_at is not None
        assert kept.job is None
        return 200, {"id": "eval-1234", "status": "created"}

    scene.peer.script["POST /jobs"] = submitted
    assert scene.follow() == "completed"


def test_a_job_that_may_be_there_is_looked_for_and_not_sent(scene: Scene):
    scene.begin(registered=True, submitted_at=now_us())
    scene.peer.script["GET /jobs"] = [(200, {"data": []}), (503, {}), (200, {"data": [THEIRS]})]
    assert scene.follow(patience=60) == "completed"
    assert (scene.asked("POST /configs"), scene.asked("POST /jobs"), scene.asked("GET /jobs")) == (0, 0, 3)


def test_a_job_that_is_never_listed_fails_and_says_what_its_submission_met(scene: Scene):
    scene.peer.script["POST /jobs"] = (502, {"detail": "bad gateway"})
    with pytest.raises(FailedThereError, match=r"never got the job: .*bad gateway"):
        scene.follow()
    assert scene.asked("POST /jobs") == 1
    scene.begin(registered=True, submitted_at=1)
    with pytest.raises(FailedThereError, match=r"never got the job$"):
        scene.follow()


@pytest.mark.parametrize(("call", "status"), [("POST /configs", 422), ("POST /jobs", 400)])
def test_a_refusal_ends_it_at_once(scene: Scene, call: str, status: int):
    scene.peer.script[call] = (status, {"detail": "no such type"})
    with pytest.raises(RemoteError, match="no such type"):
        scene.follow(patience=3600)


def test_a_server_that_takes_nothing_for_long_ends_it(scene: Scene):
    scene.peer.script["POST /jobs"] = (503, {"detail": "later"})
    with pytest.raises(RemoteError, match="later"):
        scene.follow(patience=0.5)
    assert scene.asked("POST /jobs") > 1
    kept = read_steps(scene.folder)
    assert kept is not None
    assert kept.submitted_at is None


def test_trouble_is_told_and_passes(scene: Scene):
    scene.peer.script["GET /jobs/eval-1234"] = [
        (500, {"detail": "oh top-secret"}),
        (200, {"id": "eval-1234", "status": "asleep", "status_details": {"progress": 50, "x": None}}),
        (200, {"id": "eval-1234", "status": "running", "status_details": {"message": "a\0b"}}),
        (200, {"id": "eval-1234", "status": "completed", "status_details": {"samples_processed": 7}}),
    ]
    assert scene.follow() == "completed"
    told = [each.details.get("message", "") for each in scene.heard]
    assert any("500" in each for each in told)
    assert any("asleep" in each for each in told)
    assert any("NUL" in each for each in told)
    # What was known before stays known.
    assert scene.heard[-1].details == {"progress": 50, "samples_processed": 7}
    assert [each.status for each in scene.heard if "asleep" in each.details.get("message", "")] == ["created"]


@pytest.mark.parametrize("details", [{"message": "out of disk"}, None])
def test_a_failure_there_is_one_here(scene: Scene, details: Any):
    body = {"id": "eval-1234", "status": "failed", "status_details": details}
    scene.peer.script["GET /jobs/eval-1234"] = (200, body)
    with pytest.raises(FailedThereError, match="out of disk" if details else "failed on the NeMo server"):
        scene.follow()


def test_a_job_that_is_not_known_there_any_more_has_failed(scene: Scene):
    scene.peer.script["GET /jobs/eval-1234"] = [(200, {"id": "eval-1234", "status": "running"}), (404, {})]
    with pytest.raises(FailedThereError, match="does not know the job any more"):
        scene.follow()


def test_a_job_that_somebody_cancelled_there_is_cancelled(scene: Scene):
    scene.peer.script["GET /jobs/eval-1234"] = (200, {"id": "eval-1234", "status": "cancelled"})
    assert scene.follow() == "cancelled"
    assert scene.asked("POST /jobs/eval-1234/cancel") == 0


def test_results_that_no_database_takes_are_refused(scene: Scene):
    scene.peer.script["GET /jobs/eval-1234/results"] = (200, {"tasks": {"a": 2**60}})
    with pytest.raises(RefusedError, match=r"2\*\*53"):
        scene.follow()


def test_a_job_that_was_not_sent_is_cancelled_without_a_call(scene: Scene):
    scene.leaving.set()
    assert scene.follow() == "cancelled"
    assert not scene.peer.asked


def test_a_job_is_cancelled_there_as_soon_as_it_is_listed(scene: Scene):
    scene.begin(registered=True, submitted_at=now_us(), leaving_at=now_us())
    scene.peer.script["GET /jobs"] = [(200, {"data": []}), (200, {"data": [THEIRS]})]
    scene.peer.script["POST /jobs/eval-1234/cancel"] = [(500, {}), (200, {})]
    scene.peer.script["GET /jobs/eval-1234"] = [
        (200, {"id": "eval-1234", "status": "cancelling"}),
        (200, {"id": "eval-1234", "status": "cancelled"}),
    ]
    assert scene.follow(patience=60) == "cancelled"
    # It is asked for again after the refusal, and not after the success.
    assert scene.asked("POST /jobs/eval-1234/cancel") == 2
    assert any("as soon as it does" in str(each.details.get("message")) for each in scene.heard)


@pytest.mark.parametrize("answer", [(404, {}), (200, {"id": "eval-1234", "status": "failed"})])
def test_a_job_that_ends_in_another_way_while_it_is_cancelled_is_cancelled(scene: Scene, answer: Any):
    scene.begin(registered=True, submitted_at=1, job="eval-1234")
    scene.leaving.set()
    scene.peer.script["GET /jobs/eval-1234"] = answer
    assert scene.follow() == "cancelled"
    assert scene.heard[-1].status in {"cancelled", "failed"}


def test_a_cancel_that_is_not_confirmed_is_given_up(scene: Scene):
    scene.begin(registered=True, submitted_at=now_us(), job="eval-1234")
    scene.leaving.set()
    scene.peer.script["GET /jobs/eval-1234"] = (200, {"id": "eval-1234", "status": "running"})
    assert scene.follow(patience=0.5) == "cancelled"
    assert scene.heard[-1].status == "running"


def test_a_job_that_was_lost_is_cancelled_after_a_while(scene: Scene):
    scene.begin(registered=True, submitted_at=1)
    scene.leaving.set()
    assert scene.follow() == "cancelled"
    assert "never got" in scene.message


@pytest.mark.parametrize(
    ("details", "rows", "told"),
    [
        ({}, None, (0, 0)),
        ({}, 7, (0, 7)),
        ({"samples_processed": 9}, 7, (9, 9)),
        ({"samples_processed": 20, "progress": 40.0}, None, (20, 50)),
        ({"samples_processed": 20, "progress": 0}, None, (20, 0)),
        ({"samples_processed": True, "progress": "x"}, None, (0, 0)),
        ({"samples_processed": -3}, None, (0, 0)),
    ],
)
def test_progress_is_counted_as_far_as_it_is_told(
    details: dict[str, Any], rows: int | None, told: tuple[int, int]
):
    assert counted(details, rows) == told


def test_keys_are_put_in_by_name_and_nothing_else_is():
    place = Remote(url="http://127.0.0.1")
    target = {"model": {"api_endpoint": {"api_key": "${K}", "url": "${K}"}}, "rows": [{"api_key": None}]}
    order = Order(remote=place, config={"a": ["${K}"]}, target=target, name="m", model="m")
    whole, used = filled(order, {"K": "value"})
    assert whole.target["model"]["api_endpoint"] == {"api_key": "value", "url": "${K}"}
    assert (whole.config, used) == ({"a": ["${K}"]}, ("value",))
    for secrets in ({}, {"OTHER": "x"}):
        with pytest.raises(RefusedError, match="no secret"):
            filled(order, secrets)
