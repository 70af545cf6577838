"""The real promptfoo and bakeoff ask one endpoint the same for one configuration, and judge it alike.

Needs promptfoo on the PATH; promptfoo itself needs Node 22.22 or newer.
"""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from tests.integration.commands import call

from bakeoff.records import Score
from bakeoff.run.folder import read_cases
from bakeoff.stores.jsonl import read_records

PROMPTFOO = shutil.which("promptfoo")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not PROMPTFOO, reason="promptfoo is not installed (npm install -g promptfoo)"),
]


class Recorder(BaseHTTPRequestHandler):
    """Answers with what stands after `Repeat:` in the last turn, and remembers what it was asked."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked.append(body)
        text = str(body["messages"][-1]["content"]).rpartition("Repeat:")[2]
        if body.get("stream"):
            chunk = {
                "id": "x",
                "model": "m",
                "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}],
            }
            data = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
            kind = "text/event-stream"
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            data = json.dumps(
                {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
            ).encode()
            kind = "application/json"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def recorder() -> Iterator[ThreadingHTTPServer]:
    Recorder.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def questions() -> list[str]:
    """Return what was asked since the last call, in an order of its own, but for bakeoff's first greeting."""
    keys = ("model", "messages", "temperature", "max_tokens", "top_p")
    asked = [{key: body[key] for key in keys if body.get(key) is not None} for body in Recorder.asked]
    Recorder.asked.clear()
    return sorted(
        json.dumps(each | {"temperature": float(each["temperature"])}, sort_keys=True)
        for each in asked
        if each["messages"] != [{"role": "user", "content": "Say hello."}]
    )


CHAT = [
    {"role": "system", "content": "Speak {{lang}}."},
    {"role": "user", "content": "Say hi to {{name}}, {{ lang | upper }}."},
    {"role": "assistant", "content": 'So: "{{name}}"?'},
    {"role": "user", "content": "{% if name %}yes{% else %}no name{% endif %}"},
]
CONFIGS: dict[str, dict[str, Any]] = {
    "lists and defaults": {
        "prompts": ["Say {{greeting}} to {{name}} in {{lang}}. {{missing}}{{n}} {{f}} {{nil}}"],
        "defaultTest": {"vars": {"greeting": "hello", "missing": "", "n": 5, "f": 2.0, "nil": None}},
        "tests": [
            {"vars": {"name": ["Ann", "Bob"], "lang": ["de", "en"]}},
            {"vars": {"name": "x {{greeting}} y", "lang": "{{name}}!", "f": 1.5}},
            {"vars": {"greeting": "only"}},
            {"vars": {"name": "file://names/*.txt", "lang": "file://data.yaml"}},
            {"vars": {"name": 'quote " and \\ back', "lang": "a\nb\n"}},
        ],
    },
    "chat": {
        "prompts": ["file://chat.json", "file://two.txt", {"id": "file://p.md", "label": "third"}],
        "tests": [
            {"vars": {"name": 'A "quoted" name', "lang": "fr"}},
            {"vars": {"name": "Zoe", "lang": "nl"}, "prompts": ["third"]},
        ],
    },
    "files and scenarios": {
        "prompts": ["{{a}}-{{b}}-{{c}}"],
        "tests": ["file://t.csv", "file://t.json", "file://t.jsonl", "file://more/*.yaml"],
        "scenarios": [
            {
                "config": [{"vars": {"a": "s1"}}, {"vars": {"a": "s2", "c": "own"}}],
                "tests": [{"vars": {"b": "t1"}}, {"vars": {"b": ["t2", "t3"], "c": "test"}}],
            }
        ],
    },
    "prefix and repeat": {
        "prompts": ["<{{a}}>"],
        "defaultTest": {"options": {"suffix": " Be short."}},
        "tests": [{"vars": {"a": "x"}}, {"vars": {"a": "y"}, "options": {"prefix": "Now: "}}],
        "evaluateOptions": {"repeat": 2},
    },
    "yaml of version 1.2": {
        "prompts": ["{{a}}|{{b}}|{{c}}"],
        "tests": "file://odd.yaml",
    },
}
FILES = {
    "chat.json": json.dumps(CHAT),
    "two.txt": "First {{name}}\n---\nSecond {{lang}}\n",
    "p.md": "# {{name}}\n\ntext\n",
    "names/1.txt": "file one\n",
    "names/2.txt": "  file two",
    "data.yaml": "k: [1, two]\n",
    "t.csv": 'a,b,c\n1,"two, 2",\n"line\nbreak",{{a}},x\n',
    "t.json": '[{"vars": {"a": "j1", "b": true}}, {"vars": {"a": "j2", "b": [1, 2]}}]'.replace(
        "true", '"t"'
    ).replace("[1, 2]", "3"),
    "t.jsonl": '{"vars": {"a": "l1"}}\n\n{"vars": {"a": "l2", "b": ["p", "q"]}}\n',
    "more/1.yaml": "- vars: {a: y1}\n- vars: {a: y2, b: z}\n",
    "odd.yaml": "- vars: {a: yes, b: 010, c: 12:30}\n- vars: {a: 1e3, b: 0x10, c: off}\n",
}


def prepared(folder: Path, config: dict[str, Any], recorder: ThreadingHTTPServer, *models: str) -> None:
    """Write a configuration that asks the recorder for some models, and the files that it names."""
    for path, text in FILES.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    options = {
        "apiBaseUrl": f"http://127.0.0.1:{recorder.server_port}/v1",
        "apiKey": "k",
        "top_p": 0.5,
        "seed": 3,
    }
    providers = [{"id": f"openai:chat:{model}", "label": model, "config": options} for model in models]
    text = yaml.safe_dump(config | {"providers": providers}, sort_keys=False)
    (folder / "promptfooconfig.yaml").write_text(text)


def run_promptfoo(folder: Path) -> dict[str, Any]:
    """Return what promptfoo writes."""
    own = {
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        "PROMPTFOO_CONFIG_DIR": str(folder / "home"),
    }
    words = ["eval", "--no-cache", "--no-progress-bar", "-c", "promptfooconfig.yaml", "-o", "out.json"]
    done = subprocess.run(
        [str(PROMPTFOO), *words],
        cwd=folder,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert (folder / "out.json").exists(), done.stdout + done.stderr
    results: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return results


@pytest.mark.parametrize("name", CONFIGS)
def test_both_ask_the_same_questions(name: str, recorder: ThreadingHTTPServer, tmp_path: Path) -> None:
    prepared(tmp_path, CONFIGS[name], recorder, "m", "n")
    run_promptfoo(tmp_path)
    theirs = questions()
    assert theirs
    done = call("run", "promptfooconfig.yaml", "--quiet", cwd=tmp_path, timeout=100)
    assert done.code in {0, 6}, done.err
    assert questions() == theirs


def test_both_judge_alike(recorder: ThreadingHTTPServer, tmp_path: Path) -> None:
    answers = ["Hello World", '{"a": 1}', "  padded  ", "one two three", "42", "x, y"]
    config = {
        "prompts": ["Repeat:{{text}}"],
        "defaultTest": {"assert": [{"type": "not-contains", "value": "forbidden"}]},
        "tests": [
            {"vars": {"n": f"{number}-{place}", "text": text}, **test}
            for number, test in enumerate(JUDGED)
            for place, text in enumerate(answers)
        ]
        + ["file://judged.csv"],
    }
    (tmp_path / "judged.csv").write_text(JUDGED_CSV)
    prepared(tmp_path, config, recorder, "m")
    results = run_promptfoo(tmp_path)["results"]["results"]
    theirs = {row["vars"]["n"]: row["success"] for row in results}
    done = call("run", "promptfooconfig.yaml", "--quiet", cwd=tmp_path, timeout=100)
    assert done.code in {0, 6}, done.err
    folder = next((tmp_path / "runs").iterdir())
    cases = read_cases(folder)["tests"]
    ours = {cases[score.case].fields["n"]: score.passed for score in read_records(folder, Score)}
    assert len(theirs) == len(JUDGED) * len(answers) + 4
    assert ours == theirs


JUDGED: list[dict[str, Any]] = [
    {"assert": [{"type": "contains", "value": "World"}]},
    {"assert": [{"type": "icontains", "value": "WORLD"}, {"type": "not-is-json"}]},
    {"assert": [{"type": "equals", "value": "{{text}}"}]},
    {"assert": [{"type": "starts-with", "value": "one"}]},
    {"assert": [{"type": "regex", "value": "^[0-9]+$"}]},
    {"assert": [{"type": "not-regex", "value": "o (?:two|W)"}]},
    {"assert": [{"type": "is-json"}]},
    {"assert": [{"type": "contains-any", "value": ["World", "42"]}]},
    {"assert": [{"type": "contains-all", "value": ["one", "three"]}]},
    {"assert": [{"type": "word-count", "value": 3}]},
    {"assert": [{"type": "word-count", "value": {"min": 2, "max": 3}}]},
    {"assert": [{"type": "equals", "value": "padded"}], "options": {"transform": "output.trim()"}},
    {"assert": [{"type": "contains", "value": "a"}, {"type": "contains", "value": "1"}], "threshold": 0.5},
    {"assert": [{"type": "contains", "value": "a", "weight": 3}, {"type": "is-json"}], "threshold": 0.8},
    {"assert": [{"type": "contains", "value": "nowhere", "weight": 0}, {"type": "contains", "value": "e"}]},
    {
        "assert": [
            {
                "type": "assert-set",
                "threshold": 0.5,
                "assert": [{"type": "is-json"}, {"type": "contains", "value": "o"}],
            }
        ]
    },
    {},
]
JUDGED_CSV = """\
n,text,__expected,__expected2,__threshold
c1,Hello,Hello,,
c2,Hello there,contains:there,not-contains:Hello,
c3,Hello there,contains:there,not-contains:Hello,0.3
c4,"a, b","contains-any:""a, b"",c",,
"""
