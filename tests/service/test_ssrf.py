"""No address, file, variable or code of a user's choice: whatever the spelling and wherever it stands."""

import json
from pathlib import Path
from typing import Any

import pytest

from bakeoff.records import Case
from bakeoff.server.endpoints import NOBODY, allowed, check_endpoint
from bakeoff.server.faults import RefusedError
from bakeoff.server.jobs.job import NewJob, Webhook
from bakeoff.server.jobs.jobfiles import write_files
from bakeoff.server.secret_values import is_offered, secret_values
from bakeoff.server.settings import Settings
from bakeoff.server.specs.permits import check_document, check_rows, check_webhook

pytestmark = pytest.mark.timeout(120)
LISTED = ("https://api.example.com", "http://127.0.0.1:8000", "http://[::1]", "http://gpu")
OUT = "http://169.254.169.254/latest/meta-data"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "https://api.example.com:8443/v1",
        "HTTPS://API.EXAMPLE.COM/v1",
        "http://127.0.0.1:8000/v1?x=1",
        "http://[::1]:9/v1",
        "http://gpu",
    ],
)
def test_an_address_on_the_list_is_allowed(url: str):
    assert allowed(url, LISTED)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1",  # another scheme
        "http://127.0.0.1/v1",  # another port
        "http://127.0.0.1:80/v1",
        "http://127.0.0.1:08001/v1",
        "http://127.0.0.2:8000/v1",
        "https://api.example.com.evil.example/v1",
        "https://evil.example/https://api.example.com",
        "https://api.example.com./v1",
        "https://api.example.com@evil.example/v1",
        "https://user@api.example.com/v1",
        "https://api.example.com:443@evil.example/v1",
        "https://api.example.com\\@evil.example/v1",
        "https://evil.example\\.api.example.com/v1",
        "https://evil.example#@api.example.com/v1",
        "https://api.example.com#/v1",
        "https://api.example.com%2eevil.example/v1",
        "https://api.example.com%00.evil.example/v1",
        "https://api.example.com\t.evil.example/v1",
        "https://api.example.com\r\nHost: evil.example",
        " https://api.example.com/v1",
        "https://аpi.example.com/v1",  # noqa: RUF001  a Cyrillic letter
        "https://ａｐｉ.example.com/v1",  # noqa: RUF001  wide letters, which a resolver would fold
        "http://2130706433:8000/v1",
        "http://0x7f000001:8000/v1",
        "http://0x7f.0.0.1:8000/v1",
        "http://0177.0.0.1:8000/v1",
        "http://127.1:8000/v1",
        "http://0:8000/v1",
        "http://0.0.0.0:8000/v1",
        "http://127.0.0.1.nip.io:8000/v1",
        "http://[::ffff:127.0.0.1]:8000/v1",
        "http://[0:0:0:0:0:0:0:1]:8000/v1",
        "http://[::1%25eth0]/v1",
        "http://localhost:8000/v1",  # a name that resolves to an allowed address is another name
        "http://gpu:0/v1",
        "http://gpu:99999/v1",
        "http://gpu:x/v1",
        "http:///v1",
        "http:gpu",
        "//gpu/v1",
        "gpu",
        "",
        "file:///etc/passwd",
        "ftp://gpu/x",
        "gopher://gpu/x",
        "unix:///var/run/docker.sock",
        "http://[",
    ],
)
def test_every_other_spelling_is_not(url: str):
    assert not allowed(url, LISTED)


def settings(**more: Any) -> Settings:
    return Settings(data=Path("unused"), endpoints=LISTED, secrets=("OFFERED",), **more)


def document(**parts: Any) -> dict[str, Any]:
    model = {"name": "m", "endpoint": "https://api.example.com/v1", "model": "m", **parts.pop("model", {})}
    benchmark = {"name": "b", "dataset": "datasets/rows.jsonl", **parts.pop("benchmark", {})}
    return {"models": [model], "benchmarks": [benchmark], **parts}


def test_a_plain_spec_is_no_mistake():
    check_document(document(), settings())


ASSERT = {"type": "similar", "endpoint": OUT, "model": "e"}
HOSTILE = {
    "an endpoint": {"model": {"endpoint": OUT}},
    "an endpoint from a variable": {"model": {"endpoint": "${OFFERED}"}},
    "an endpoint with a default": {"model": {"endpoint": f"${{OFFERED:-{OUT}}}"}},
    "an endpoint with a query": {"model": {"endpoint": "https://api.example.com/v1?key=abc"}},
    "a judge": {"benchmark": {"scorers": [{"type": "judge", "endpoint": OUT, "model": "j"}]}},
    "embeddings": {"benchmark": {"scorers": [ASSERT]}},
    "embeddings, negated": {"benchmark": {"scorers": [{**ASSERT, "type": "not-similar"}]}},
    "embeddings in sets": {
        "benchmark": {
            "scorers": [{"type": "assert-set", "assert": [{"type": "assert-set", "assert": [ASSERT]}]}]
        }
    },
    "a database": {"benchmark": {"dataset": {"type": "sql", "url": "sqlite:////etc/x", "table": "t"}}},
    "rows from an address": {"benchmark": {"dataset": {"type": "jsonl", "uri": OUT}}},
    "a file of the server": {"benchmark": {"dataset": "/etc/passwd"}},
    "a file above": {"benchmark": {"dataset": {"type": "text", "path": "datasets/../../x.txt"}}},
    "a file at home": {"benchmark": {"dataset": {"type": "text", "path": "~/x.txt"}}},
    "a file by its address": {"benchmark": {"dataset": {"type": "text", "path": "file:///etc/passwd"}}},
    "a file from a variable": {"benchmark": {"dataset": "${OFFERED:-/etc/passwd}"}},
    "parts of a path from variables": {"benchmark": {"dataset": "${OFFERED:-..}/${OFFERED:-..}/x.txt"}},
    "a prompt's file": {"benchmark": {"prompt": "file:///etc/passwd"}},
    "a prompt's file by its ending": {"benchmark": {"prompt": "/etc/motd.txt"}},
    "a prompt's file above": {"benchmark": {"prompt": {"system": "../../key.j2"}}},
    "an example's file": {"benchmark": {"prompt": {"example": "file://../x"}}},
    "a scorer's file": {"benchmark": {"scorers": [{"type": "equals", "value": "file:///etc/passwd"}]}},
    "lengths from a file": {
        "benchmark": {"dataset": {"type": "synthetic", "prompt_tokens": {"kind": "empirical", "path": "/x"}}}
    },
    "a trace": {"benchmark": {"load": {"kind": "trace", "path": "/var/log/x.jsonl"}}},
    "a price book": {"prices": "/etc/passwd"},
    "a cache": {"cache": "/tmp/other"},
    "python": {"benchmark": {"scorers": [{"type": "python", "value": "1"}]}},
    "python, negated": {"benchmark": {"scorers": [{"type": "not-python", "value": "1"}]}},
    "javascript": {"benchmark": {"scorers": [{"type": "javascript", "value": "1"}]}},
    "code of the model": {"benchmark": {"scorers": [{"type": "code-execution"}]}},
    "a transform": {"benchmark": {"scorers": [{"type": "equals", "value": "1", "transform": "f()"}]}},
    "a transform in a set": {
        "benchmark": {"scorers": [{"type": "assert-set", "assert": [{"type": "equals", "transform": "f()"}]}]}
    },
    "code allowed by its user": {
        "benchmark": {"scorers": [{"type": "assertions", "allow_code": True, "assert": []}]}
    },
    "a harness task": {"benchmark": {"dataset": {"type": "lm_eval", "task": "arc_easy"}}},
    "a harness task in short": {"benchmark": {"lm_eval": {"task": "x", "include_path": "datasets"}}},
    "a harness scorer": {"benchmark": {"scorers": [{"type": "lm_eval", "task": "x"}]}},
    "a promptfoo file": {"benchmark": {"dataset": {"type": "promptfoo", "path": "datasets/x.yaml"}}},
    "weights": {"model": {"source": "pypi://x", "endpoint": None}},
    "a deployer": {"model": {"deploy": "local"}},
    "a deployer with options": {"model": {"deploy": {"type": "command", "command": "id"}}},
    "another tool's form": {"prompts": ["a"], "providers": ["exec:id"]},
    "a variable": {"seed": "${HOME}"},
    "a variable with a default": {"seed": "${HOME:-1}"},
    "a variable in a prompt": {"benchmark": {"prompt": "say ${PATH}"}},
    "a secret in a prompt": {"benchmark": {"prompt": "say ${OFFERED}"}},
    "a secret as what is right": {"benchmark": {"scorers": [{"type": "starts-with", "value": "${OFFERED}"}]}},
    "a secret as a name": {"name": "${OFFERED}"},
    "a key in the clear": {"model": {"api_key": "sk-abcdef"}},
    "a default that is a key": {"model": {"api_key": "${OFFERED:-sk-abcdef}"}},
    "a header in the clear": {"model": {"headers": {"Authorization": "Bearer sk-abcdef"}}},
}


@pytest.mark.parametrize("parts", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_reaches_out_is_refused_wherever_it_stands(parts: dict[str, Any]):
    with pytest.raises(RefusedError):
        check_document(document(**json.loads(json.dumps(parts))), settings())


@pytest.mark.parametrize(
    "parts",
    [
        {"model": {"api_key": "${OFFERED}"}},
        {"model": {"headers": {"Authorization": "Bearer ${OFFERED}", "X-Team": "blue"}}},
        {"benchmark": {"prompt": "costs $${PRICE}, file://x is no file {{input}}"}},
        {"benchmark": {"prompt": {"template": "datasets/prompt.txt"}}},
        {"benchmark": {"scorers": [{"type": "equals", "value": "file://datasets/right.txt"}]}},
        {"benchmark": {"prompt": {"messages": [{"role": "user", "content": [{"url": OUT}]}]}}},
    ],
)
def test_what_stays_inside_is_allowed(parts: dict[str, Any]):
    check_document(document(**parts), settings())


def test_what_the_owner_allowed_is_allowed():
    parts = {"benchmark": {"scorers": [{"type": "python", "value": "1", "allow_code": True}]}}
    check_document(document(**parts), settings(allow_code=True))
    check_document(
        document(model={"source": "pypi://x", "deploy": "local", "endpoint": None}),
        settings(allow_deploy=True),
    )


def test_a_deep_spec_and_a_wide_one_end_in_a_refusal_or_in_nothing():
    deep: Any = "x"
    for _ in range(50_000):
        deep = [deep]
    check_document({"name": deep}, settings())
    with pytest.raises(RefusedError, match="values"):
        check_document({"name": [0] * 300_000}, settings())


@pytest.mark.parametrize(
    "own",
    [
        [{"type": "python", "value": "1"}],
        json.dumps([{"type": "assert-set", "assert": [{"type": "javascript", "value": "1"}]}]),
        [{"type": "equals", "value": "file:///etc/passwd"}],
        [{"type": "similar", "endpoint": OUT, "model": "e"}],
        [{"type": "similar", "endpoint": "http://gpu", "model": "e", "api_key": "sk-abcdef"}],
    ],
)
def test_assertions_that_rows_bring_along_are_looked_at_too(own: object):
    spec = document(benchmark={"scorers": [{"type": "assertions", "field": "checks"}]})
    with pytest.raises(RefusedError):
        check_rows(spec, [Case(fields={"checks": own}, line=3)], settings())
    check_rows(document(), [Case(fields={"checks": own}, line=3)], settings())


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        (OUT, None),
        ("http://gpu/hook", "whsec-in-the-clear"),
        ("http://gpu/hook", "${NOT_OFFERED}"),
        ("http://gpu/hook", "${OFFERED:-}"),
        ("http://gpu/hook", "x${OFFERED}"),
    ],
)
def test_a_webhook_goes_where_it_may_with_a_secret_by_name(url: str, secret: str | None):
    check_webhook(Webhook(url="http://gpu/hook", secret="${OFFERED}"), settings())
    with pytest.raises(RefusedError):
        check_webhook(Webhook(url=url, secret=secret), settings())


@pytest.mark.parametrize(
    "name", ["/etc/x", "../x", "datasets/../../x", ".env", "datasets/.hidden", "a/./../../x", "a\0b"]
)
def test_a_file_of_a_job_stays_in_its_folder(tmp_path: Path, name: str):
    folder = tmp_path / "job"
    folder.mkdir()
    with pytest.raises(RefusedError, match="leads out"):
        write_files(folder, NewJob(name="n", document={}, files={name: b"KEY=1"}))
    assert list(tmp_path.iterdir()) == [folder]
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("kind", "file", "content"),
    [
        ("llama_stack", "rows.json", b'{"source": {"type": "uri", "uri": "/etc/passwd"}}'),
        ("llama_stack", "rows.jsonl", b'{"a": 1}\n{"source": {"uri": "file:///etc/passwd"}}\n'),
        ("llama_stack", "rows.json", b'[{"source": {"uri": "../../spec.json"}}]'),
        ("llama_stack", "rows.yaml", b"source: {uri: /etc/passwd}"),
        ("llama_stack", "rows.json", b'{"a": 1} {"source": {"uri": "/etc/passwd"}}'),
        ("kit", "rows.jsonl", b'{"prompt": "x", "image_path": "/etc/passwd"}'),
    ],
)
def test_rows_that_name_files_are_refused(tmp_path: Path, kind: str, file: str, content: bytes):
    spec = document(benchmark={"dataset": {"type": kind, "path": f"datasets/{file}"}})
    with pytest.raises(RefusedError):
        write_files(tmp_path, NewJob(name="n", document=spec, files={f"datasets/{file}": content}))


def test_rows_without_files_are_written(tmp_path: Path):
    spec = document(benchmark={"dataset": {"type": "llama_stack", "path": "datasets/rows.jsonl"}})
    rows = b'{"input_query": "a"}\n{"source": {"uri": "data:,[]"}}\n'
    write_files(tmp_path, NewJob(name="n", document=spec, files={"datasets/rows.jsonl": rows}))
    assert (tmp_path / "datasets" / "rows.jsonl").read_bytes() == rows


def test_secrets_in_a_folder_are_texts_with_names_that_a_spec_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OFFERED", "one")
    monkeypatch.setenv("OTHER", "never")
    for name, content in {
        "TOKEN": b"two\n",
        "tls.crt": b"three",
        "no name": b"never",
        "..data": b"never",
        "BINARY": b"\xff\xfe",
        "NUL": b"a\0b",
        "LONG": b"x" * 200_000,
    }.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "FOLDER").mkdir()
    given = settings(secret_files=tmp_path)
    assert secret_values(given) == {"OFFERED": "one", "TOKEN": "two", "tls.crt": "three"}
    assert is_offered("TOKEN", given)
    assert is_offered("tls.crt", given)
    assert not any(
        is_offered(name, given) for name in ("OTHER", "../TOKEN", "FOLDER", "", "no name", "..data")
    )


def test_the_address_of_nobody_is_no_way_out():
    check_endpoint(NOBODY, (), where="endpoint")
    for url in (f"{NOBODY}/more", NOBODY.replace("/v1", ":8000/v1"), NOBODY.replace("nobody", "somebody")):
        with pytest.raises(RefusedError, match="may not ask"):
            check_endpoint(url, (), where="endpoint")
