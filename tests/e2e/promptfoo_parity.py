"""A promptfoo configuration of our own that tries each assertion on each of many answers.

The truth server gives the answers. Run as a program, it writes what the real promptfoo says of every row
into `tests/data/promptfoo_parity.json`, by which the test compares where promptfoo is not installed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from bakeoff.testing.truth import TruthProcess, TruthSettings

RECORDED = Path(__file__).parents[1] / "data" / "promptfoo_parity.json"
Rows = dict[str, list[Any]]

ANSWERS = {
    "plain": "The capital of France is Paris.",
    "upper": "PARIS",
    "number": "42",
    "json": '{"city": "Paris", "people": 2102650, "tags": ["a", "b"]}',
    "fenced": 'Here it is:\n```json\n{"city": "Paris", "people": "many"}\n```\nBye.',
    "list": "[1, 2, 3]",
    "padded": "  Paris \n",
    "lines": "one\ntwo\nthree",
    "fox": "The quick brown fox jumps over the lazy dog",
    "accents": "Zürich — naïve café 🥐",
    "html": "<div><p>Hello</p></div>",
    "xml": "<root><a>1</a><b>two</b></root>",
    "sql": "SELECT name FROM users WHERE id = 1",
    "refusal": "I'm sorry, but I cannot help with that request.",
}
SCHEMA = {"type": "object", "required": ["city"], "properties": {"people": {"type": "number"}}}
FOX = "The fast brown fox leaps over the lazy dog"
ONE = [
    {"type": "equals", "value": "PARIS"},
    {"type": "equals", "value": "42"},
    {"type": "equals", "value": 42},
    {"type": "equals", "value": {"tags": ["a", "b"], "people": 2102650, "city": "Paris"}},
    {"type": "equals", "value": "{{answer}}"},
    {"type": "contains", "value": "Paris"},
    {"type": "contains", "value": 4},
    {"type": "icontains", "value": "paris"},
    {"type": "contains-any", "value": ["Paris", "fox", "café"]},
    {"type": "contains-any", "value": "two, lazy"},
    {"type": "contains-all", "value": ["a", "e"]},
    {"type": "icontains-any", "value": ["PARIS", "ONE"]},
    {"type": "icontains-all", "value": ["THE", "E"]},
    {"type": "starts-with", "value": "The"},
    {"type": "starts-with", "value": " "},
    {"type": "regex", "value": "^\\W*[A-Z][a-z]+"},
    {"type": "regex", "value": "\\d{2,}"},
    {"type": "regex", "value": "(?<word>o)\\w"},
    {"type": "is-json"},
    {"type": "is-json", "value": SCHEMA},
    {"type": "contains-json"},
    {"type": "contains-json", "value": SCHEMA},
    {"type": "is-xml"},
    {"type": "is-xml", "value": {"requiredElements": ["root.a"]}},
    {"type": "contains-xml"},
    {"type": "is-html"},
    {"type": "contains-html"},
    {"type": "is-sql"},
    {"type": "contains-sql"},
    {"type": "is-refusal"},
    {"type": "levenshtein", "value": "Paris"},
    {"type": "levenshtein", "value": FOX, "threshold": 12},
    {"type": "rouge-n", "value": FOX},
    {"type": "rouge-n", "value": FOX, "threshold": 0.5},
    {"type": "bleu", "value": FOX},
    {"type": "bleu", "value": FOX, "threshold": 0.2},
    {"type": "gleu", "value": FOX},
    {"type": "gleu", "value": FOX, "threshold": 0.2},
    {"type": "word-count", "value": 9},
    {"type": "word-count", "value": {"min": 3, "max": 8}},
    {"type": "finish-reason", "value": "stop"},
    {"type": "equals", "value": [1, 2, 3]},
    {"type": "equals", "value": ""},
    {"type": "contains", "value": "{{answer}}"},
    {"type": "contains-any", "value": ["{{answer}}", 4]},
    {"type": "regex", "value": "^$|paris$"},
    {"type": "is-json", "value": "type: array\nitems: {type: number}"},
    {"type": "is-json", "value": {"type": "object", "additionalProperties": False}},
    {"type": "contains-json", "value": {"type": "array", "minItems": 4}},
    {"type": "is-sql", "value": {"databaseType": "PostgreSQL"}},
    {"type": "levenshtein", "value": "PARIS", "threshold": 0},
    {"type": "icontains-any", "value": [42, 3]},
    {"type": "contains-all", "value": [4, 2]},
    {"type": "rouge-n", "value": "two one three", "threshold": 0},
    {"type": "bleu", "value": ["Paris is nice", "The capital of France is Paris."]},
    {"type": "gleu", "value": ["Paris is nice", "The capital of France is Paris."]},
    {"type": "word-count", "value": {"min": 4}},
    {"type": "word-count", "value": "1"},
    {"type": "finish-reason", "value": "LENGTH"},
    {"type": "latency", "threshold": 600000},
    {"type": "latency", "threshold": 1},
]
CODE = [
    {"type": "python", "value": "len(output) > 20"},
    {"type": "python", "value": "len(output) / 50", "threshold": 0.5},
    {"type": "python", "value": "{'pass': 'a' in output, 'score': 0.25, 'reason': 'because'}"},
    {"type": "python", "value": "x = output.count('a')\nreturn x / 10"},
    {"type": "python", "value": "context['vars']['answer'] == 'json'"},
    {"type": "python", "value": "'yes'"},
    {"type": "python", "value": "None"},
    {"type": "python", "value": "1 / 0"},
    {"type": "python", "value": "2.5"},
    {"type": "python", "value": "len(output) - 5"},
    {"type": "python", "value": "{'pass': True, 'score': 0.4, 'reason': 'r'}", "threshold": 0.5},
    {"type": "python", "value": "{'pass': False, 'score': 1, 'reason': 'r', 'namedScores': {'own': 0.5}}"},
    {"type": "not-python", "value": "'a' in output"},
    {"type": "python", "value": "len(output) > 20", "weight": 0},
    {"type": "javascript", "value": "output.length > 20"},
    {"type": "not-javascript", "value": "output.length > 20"},
    {"type": "javascript", "value": "'yes'"},
    {"type": "javascript", "value": "undefined"},
    {"type": "javascript", "value": "output.split(' ').length"},
    {"type": "javascript", "value": "context.vars.answer === 'fox' ? 0.3 : 0"},
    {"type": "javascript", "value": "Math.min(output.length / 50, 1)", "threshold": 0.5},
    {
        "type": "javascript",
        "value": "const n = output.length;\nreturn {pass: n > 9, score: 0.5, reason: 'n'};",
    },
    {"type": "javascript", "value": "JSON.parse(output).city === 'Paris'"},
]
NO_REASON = {"type": "python", "value": "{'pass': False, 'score': 0, 'reason': ''}"}
"""A failure that the real promptfoo loses, and any before it: for it, what has no reason has not failed."""
GROUPS: list[dict[str, Any]] = [
    {"assert": [{"type": "contains", "value": "a", "weight": 3}, {"type": "is-json"}]},
    {"assert": [{"type": "contains", "value": "a", "weight": 3}, {"type": "is-json"}], "threshold": 0.7},
    {"assert": [{"type": "contains", "value": "Q", "weight": 0}, {"type": "contains", "value": "e"}]},
    {"assert": [{"type": "contains", "value": "Q", "weight": 0}]},
    {"assert": [{"type": "equals", "value": "Paris"}], "options": {"transform": "output.trim()"}},
    {"assert": [{"type": "contains", "value": "paris", "transform": "output.toLowerCase()"}]},
    {
        "assert": [
            {"type": "contains", "value": "a", "metric": "letters"},
            {"type": "contains", "value": "e", "metric": "letters", "weight": 2},
            {"type": "levenshtein", "value": "Paris", "metric": "near"},
            {"type": "not-is-json", "metric": "{{answer}}"},
        ],
        "threshold": 0,
    },
    {
        "assert": [
            {
                "type": "assert-set",
                "threshold": 0.5,
                "metric": "set",
                "weight": 2,
                "assert": [
                    {"type": "is-json", "weight": 2},
                    {"type": "contains", "value": "o"},
                    {"type": "word-count", "value": {"max": 3}, "metric": "short"},
                ],
            },
            {"type": "not-contains", "value": "sorry"},
        ]
    },
    {"assert": [{"type": "assert-set", "assert": [{"type": "contains", "value": "a"}, {"type": "is-json"}]}]},
    {"assert": []},
    {"assert": [NO_REASON], "threshold": 0.5},
]
LOST = [
    {"assert": [NO_REASON]},
    {"assert": [{"type": "contains", "value": "nowhere"}, NO_REASON]},
]


def checks() -> dict[str, dict[str, Any]]:
    """Return the parts of the tests by name: each assertion alone, its opposite, code, and groups."""
    single = [each for one in ONE for each in (one, one | {"type": f"not-{one['type']}"})]
    whole = [*({"assert": [each]} for each in (*single, *CODE)), *GROUPS]
    found = {f"c{number:03d}": part for number, part in enumerate(whole)}
    return found | {f"lost{number}": part for number, part in enumerate(LOST)}


def config(url: str) -> dict[str, Any]:
    """Return the configuration for an endpoint."""
    options = {"apiBaseUrl": url, "apiKey": "k", "max_tokens": 400}
    return {
        "description": "parity",
        "prompts": ["Say {{answer}}. Check {{check}}."],
        "providers": [{"id": "openai:chat:m", "label": "m", "config": options}],
        "tests": [
            {"vars": {"check": check, "answer": answer}, **part}
            for check, part in checks().items()
            for answer in ANSWERS
        ],
        "evaluateOptions": {"maxConcurrency": 8},
    }


def fingerprint() -> str:
    """Return what a recording must have been made of."""
    return hashlib.sha256(json.dumps([config(""), ANSWERS], sort_keys=True).encode()).hexdigest()[:16]


def server() -> TruthProcess:
    """Return the endpoint: it says the answer that is named, 3 ms late."""
    answers = {f"Say {name}.": text for name, text in ANSWERS.items()}
    return TruthProcess(TruthSettings(answer="table", answers=answers, ttft=0.003))


def program() -> str | None:
    """Return the path of the real promptfoo, which `BAKEOFF_PROMPTFOO` may name."""
    return os.environ.get("BAKEOFF_PROMPTFOO") or shutil.which("promptfoo")


def _own(folder: Path) -> dict[str, str]:
    quiet = ("DISABLE_TELEMETRY", "DISABLE_UPDATE", "DISABLE_REMOTE_GENERATION", "DISABLE_SHARING")
    own = {f"PROMPTFOO_{name}": "1" for name in quiet} | {"PROMPTFOO_CONFIG_DIR": str(folder / "home")}
    return os.environ | own | {"PROMPTFOO_PYTHON": sys.executable}


def promptfoo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Call the real promptfoo in a folder, with a home of its own and without anything that goes out."""
    return subprocess.run(
        [str(program()), *words],
        cwd=folder,
        env=_own(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


def promptfoo_started(folder: Path, *words: str) -> "subprocess.Popen[bytes]":
    """Start the real promptfoo and leave it running."""
    return subprocess.Popen(
        [str(program()), *words],
        cwd=folder,
        env=_own(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def their_rows(url: str, folder: Path) -> tuple[str, Rows]:
    """Return the version of promptfoo and, by check, what it says of each answer."""
    (folder / "promptfooconfig.yaml").write_text(yaml.safe_dump(config(url), sort_keys=False))
    done = promptfoo(folder, "eval", "--no-cache", "--no-progress-bar", "--no-table", "-o", "out.json")
    out = folder / "out.json"
    assert out.exists(), done.stdout + done.stderr
    document = json.loads(out.read_text())
    rows = {
        (row["vars"]["check"], row["vars"]["answer"]): judged(
            row["success"], row["score"], row.get("namedScores") or {}
        )
        for row in document["results"]["results"]
    }
    assert len(rows) == len(checks()) * len(ANSWERS)
    assert all("response" in row for row in document["results"]["results"]), "an assertion was refused"
    version = promptfoo(folder, "--version").stdout.split()[-1]
    return version, {check: [rows[check, answer] for answer in ANSWERS] for check in checks()}


def judged(success: bool | None, score: float | None, named: dict[str, float]) -> list[Any]:
    """Return a row as it is recorded; named scores only where there are some."""
    scores = {name: round(value, 6) for name, value in sorted(named.items())}
    return [success, None if score is None else round(score, 6), *([scores] if scores else [])]


def main() -> None:
    """Record what the real promptfoo says."""
    with server() as endpoint, tempfile.TemporaryDirectory() as folder:
        version, rows = their_rows(endpoint.url, Path(folder))
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in rows.items())
    head = f'{{"promptfoo": "{version}",\n "made_of": "{fingerprint()}",\n "rows": {{\n'
    path = Path(sys.argv[1]) if sys.argv[1:] else RECORDED
    path.write_text(head + lines + "\n }}\n")
    print(f"{sum(map(len, rows.values()))} rows of promptfoo {version}")


if __name__ == "__main__":
    main()
