"""Python graders: what one that fails means, which sources are refused, and what none of them may reach."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from tests.service.dialects.openai_evals.calls import counts, ended, eval_of, given, graded, items, new_eval
from tests.service.live import Live

from bakeoff.sandbox import unconfinable

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(unconfinable()), reason=f"cannot confine: {unconfinable()}"),
]
SECRET = "the-planted-secret-4711"
ROW: dict[str, Any] = {"item": {"each": 2}, "sample": {"output_text": "abc"}}


def python(source: str, **more: object) -> dict[str, Any]:
    return {"type": "python", "name": "p", "source": source, **more}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def grade(sample, item):\n    return item['missing']", "KeyError: 'missing'"),
        ("def grade(sample, item):\n    raise SystemExit(1)", "SystemExit: 1"),
        ("def grade(sample, item):\n    raise RuntimeError('no')", "RuntimeError: no"),
        ("def grade(sample, item):\n    return float('nan')", "Out of range float"),
        ("def grade(sample, item):\n    return float('-inf')", "Out of range float"),
        ("def grade(sample, item):\n    return '0.5'", "a str, which is no number"),
        (
            "def grade(sample, item):\n    return {'pass': True, 'score': 1, 'reason': ''}",
            "a dict, which is no number",
        ),
        ("def grade(sample, item):\n    pass", "a NoneType, which is no number"),
        ("def grade(sample):\n    return 1", "takes 1 positional argument"),
        ("async def grade(sample, item):\n    return 1", "a coroutine, which is no number"),
        ("import os\ndef grade(sample, item):\n    os._exit(0)", "ended without an answer"),
        ("if False:\n    grade = 1", "UnboundLocalError"),
    ],
)
def test_a_grader_that_fails_is_an_error_and_no_wrong_answer(service: Live, source: str, told: str):
    run = ended(service, eval_of(service, python(source)), given([ROW]))
    assert counts(run) == (1, 0, 0, 1)
    (item,) = items(service, run)
    assert item["status"] not in {"pass", "fail"}
    (result,) = item["results"]
    assert not result["passed"]
    assert result["score"] is None
    assert told in result["reason"]


def test_only_the_rows_that_a_grader_fails_at_are_errors(service: Live):
    source = "def grade(sample, item):\n    return item['right']"
    rows: list[dict[str, Any]] = [
        {"item": {"right": 1}, "sample": {"output_text": "a"}},
        {"item": {"right": 0}, "sample": {"output_text": "a"}},
        {"item": {"other": 1}, "sample": {"output_text": "a"}},
    ]
    run = ended(service, eval_of(service, python(source)), given(rows))
    assert counts(run) == (3, 1, 1, 1)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "defines no function `grade(sample, item)`"),
        ("def score(sample, item):\n    def grade(): pass\n    return 1", "defines no function"),
        ("class A:\n    def grade(self): pass", "defines no function"),
        ("def grade(sample, item) return 1", "the source is no Python"),
        ("def grade(sample, item):\nreturn 1", "the source is no Python"),
    ],
)
def test_a_source_without_a_grader_is_refused_when_the_eval_is_made(service: Live, source: str, said: str):
    answer = new_eval(service, python(source))
    assert answer.status == 400
    assert said in answer.json["error"]["message"]
    assert answer.json["error"]["param"] == "testing_criteria[0].source"


@pytest.mark.parametrize(
    "source",
    [
        "grade = lambda sample, item: 1",
        "from operator import itemgetter as grade",
        "try:\n    import numpy\nexcept ImportError:\n    pass\nif True:\n    def grade(s, i): return 1",
    ],
)
def test_a_grader_may_come_to_its_name_in_any_way(service: Live, source: str):
    assert new_eval(service, python(source)).status == 201


@pytest.mark.parametrize(
    ("source", "score"),
    [
        (
            """import math, re\ndef grade(sample, item):
    return math.sqrt(len(re.findall('.', sample['output_text'])) + 1)""",
            2,
        ),
        ("def helper(x):\n    return x * 2\ndef grade(sample, item):\n    return helper(item['each'])", 4),
        ("def grade(sample, item):\n    return True", 1),
        ("def grade(sample, item):\n    import numpy\n    return numpy.float32(0.5)", 0.5),
    ],
)
def test_ordinary_graders_work(service: Live, source: str, score: float):
    if "numpy" in source:
        pytest.importorskip("numpy")
    assert graded(service, python(source), ROW)["score"] == score


def planted(service: Live) -> dict[str, str]:
    """Put secrets where a server has them, and return the paths."""
    data = service.service.settings.data
    other = data / "jobs" / "another" / "samples.jsonl"
    other.parent.mkdir(parents=True, exist_ok=True)
    secret = data.parent / "secret-files" / "KEY"
    secret.parent.mkdir(exist_ok=True)
    for path in (other, secret):
        path.write_text(SECRET)
    secret.chmod(0o600)
    return {
        "database": str(data / "bakeoff.db"),
        "job": str(other),
        "secret": str(secret),
        "shadow": "/etc/shadow",
    }


def test_a_grader_reads_writes_starts_and_reaches_nothing(service: Live):
    paths = planted(service)
    tries = {
        **{f"read {name}": f"open({path!r}, 'rb').read()" for name, path in paths.items()},
        **{f"stat {name}": f"os.stat({path!r})" for name, path in paths.items()},
        "its own job": "[os.path.join(a, f) for a, _, c in os.walk(os.getcwd()) for f in c][0]",
        "other jobs": f"os.listdir({str(service.service.settings.jobs)!r})",
        "environment": "open('/proc/1/environ').read()",
        "of the parent": "open(f'/proc/{os.getppid()}/environ').read()",
        "write": f"open({str(service.service.settings.data / 'planted')!r}, 'w')",
        "link": f"[os.symlink({paths['secret']!r}, '/tmp/l'), open('/tmp/l').read()]",
        "hard link": f"os.link({paths['secret']!r}, '/tmp/h')",
        "shell": "subprocess.run('id', shell=True)",
        "system": "1 / (os.system('id') == 0)",
        "fork": "os.fork()",
        "ctypes": "__import__('ctypes').CDLL(None)",
        "socket": f"socket.create_connection(('127.0.0.1', {service.url.rpartition(':')[2]}), 3)",
    }
    source = (
        "import os, socket, subprocess\nTRIES = " + repr(tries) + "\n"
        "def grade(sample, item):\n    told = {}\n    for name, code in TRIES.items():\n"
        "        try:\n            told[name] = repr(eval(code))\n"
        "        except Exception as error:\n            told[name] = 'no'\n"
        "    bad = {name: text for name, text in told.items() if text != 'no'}\n"
        "    if bad:\n        raise RuntimeError(bad)\n    return len(told)\n"
    )
    result = graded(service, python(source), ROW)
    assert result["score"] == len(tries), result["reason"]
    assert not (service.service.settings.data / "planted").exists()


def test_the_value_of_a_secret_does_not_come_back_in_an_error(service: Live):
    for path in planted(service).values():
        source = f"def grade(sample, item):\n    raise RuntimeError(open({path!r}, 'rb').read())"
        run = ended(service, eval_of(service, python(source)), given([ROW]))
        assert counts(run) == (1, 0, 0, 1)
        told = json.dumps(items(service, run))
        assert SECRET not in told
        assert "root:" not in told
        assert "SQLite" not in told


def test_a_scorer_of_a_spec_is_shut_in_as_well(service: Live, endpoint: Any):
    paths = planted(service)
    values = [
        f"{{'pass': False, 'score': 0, 'reason': open({paths['secret']!r}).read()}}",
        f"{{'pass': False, 'score': 0, 'reason': str(open({paths['database']!r}, 'rb').read(16))}}",
        "{'pass': True, 'score': 1, 'reason': 'fine'}",
    ]
    scorers = [
        {"type": "python", "allow_code": True, "value": value, "metric": f"m{at}"}
        for at, value in enumerate(values)
    ]
    spec = {
        "name": "shut-in",
        "models": [{"name": "m", "endpoint": endpoint.url, "model": "m", "stream": False}],
        "benchmarks": [
            {
                "name": "b",
                "dataset": {"type": "jsonl", "path": "datasets/rows.jsonl"},
                "prompt": "{{ q }}",
                "scorers": scorers,
            }
        ],
    }
    files = {"datasets/rows.jsonl": base64.b64encode(b'{"q": "x"}\n').decode()}
    answer = service.call("POST", "/api/v1/runs", {"spec": spec, "files": files})
    assert answer.status == 202, answer.body
    run = answer.json["id"]
    assert service.ended(run)["state"] == "completed"
    scores = service.call("GET", f"/api/v1/runs/{run}/scores").json["data"]
    outcomes = {score["metric"]: score["outcome"] for score in scores}
    assert outcomes == {"m0": "judge_failed", "m1": "judge_failed", "m2": "ok"}
    assert SECRET not in json.dumps(scores)
    log = Path(service.service.jobs.folder(run), "log.txt").read_text()
    assert SECRET not in log


def test_task_files_of_users_are_refused(service: Live, endpoint: Any):
    spec = {
        "models": [{"name": "m", "endpoint": endpoint.url, "model": "m"}],
        "benchmarks": [{"lm_eval": "mine", "include_path": "datasets"}],
    }
    files = {"datasets/mine.yaml": base64.b64encode(b"task: mine\n").decode()}
    answer = service.call("POST", "/api/v1/runs", {"spec": spec, "files": files})
    assert answer.status in {400, 422}
    assert "takes no task files" in answer.body.decode()
