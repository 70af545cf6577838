"""What GuideLLM is asked, and what is refused before it is."""

import json
import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bakeoff.errors import BakeoffError, PluginError, UsageError
from bakeoff.executors.guidellm import VARIABLE, Guidellm
from bakeoff.records import LoadSpec
from bakeoff.records.outside import OutsideLoad, TokenLength


def asked(kind="concurrent", requests=20, seconds=None, options=None, **given):
    load = LoadSpec(kind=kind, requests=requests, seconds=seconds, options=options or {"concurrency": 4})
    return OutsideLoad(
        **(
            {
                "endpoint": "http://127.0.0.1:9/v1",
                "model": "org/m",
                "provider": "openai_chat",
                "load": load,
                "prompt": TokenLength(mean=16.0),
                "output": TokenLength(mean=8.0),
            }
            | given
        )
    )


def spec(one, processor=None):
    return Guidellm(processor=processor).scenario(one, Path("r.json"))["spec"]


def program(folder, body, version="guidellm version: 0.8.1"):
    """Write a program that stands in GuideLLM's place and return its path."""
    path = folder / "guidellm"
    lines = [
        f"#!{sys.executable}",
        "import json, os, sys, time",
        f"if sys.argv[1:] == ['--version']: print({version!r}); sys.exit()",
        "assert sys.argv[1:3] == ['run', '--config'], sys.argv",
        "path = sys.argv[3]",
        "spec = json.load(open(path))['spec']",
        body,
    ]
    path.write_text("\n".join(lines))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    def write(body, **given):
        made = program(tmp_path, body, **given)
        monkeypatch.setenv(VARIABLE, str(made))
        return made

    return write


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "out"
    made.mkdir()
    return made


@pytest.mark.parametrize(
    ("kind", "options", "profile"),
    [
        ("sequential", {}, {"kind": "synchronous"}),
        ("throughput", {}, {"kind": "throughput"}),
        ("concurrent", {"concurrency": 4}, {"kind": "concurrent", "streams": [4]}),
        ("constant", {"rate": 2.5}, {"kind": "constant", "rate": [2.5]}),
        ("poisson", {"rate": 2.5}, {"kind": "poisson", "rate": [2.5]}),
        (
            "sweep",
            {"steps": 3, "arrivals": "poisson", "concurrency": 9},
            {"kind": "sweep", "sweep_size": 5, "strategy_type": "poisson", "max_concurrency": 9},
        ),
    ],
)
def test_each_load_is_told_in_guidellms_words(kind, options, profile):
    load = LoadSpec(kind=kind, requests=5, options=options)
    assert spec(asked(load=load))["profile"] == profile


def test_limits_lengths_seed_and_report_are_told():
    one = asked(seconds=30.0, prompt=TokenLength(mean=550.0, stddev=150.0), seed=7)
    told = spec(one)
    assert told["constraints"] == [
        {"kind": "max_requests", "count": 20},
        {"kind": "max_duration", "seconds": 30.0},
    ]
    assert told["data"] == [
        {
            "kind": "synthetic_text",
            "prompt_tokens": 550,
            "prompt_tokens_stdev": 150,
            "output_tokens": 8,
        }
    ]
    assert told["seed"] == {"kind": "static", "value": 7}
    assert told["outputs"] == [{"kind": "json", "path": "r.json"}]
    assert [one["kind"] for one in spec(asked(requests=None, seconds=1.0))["constraints"]] == ["max_duration"]


def test_the_tokenizer_is_the_models_own_unless_another_is_named():
    assert spec(asked())["tokenizer"]["model"] == "org/m"
    assert spec(asked(), "tok")["tokenizer"]["model"] == "tok"


@pytest.mark.parametrize(
    ("endpoint", "chat", "models"),
    [
        ("http://127.0.0.1:9/v1/", "v1/chat/completions", "v1/models"),
        ("http://127.0.0.1:9/api", "chat/completions", "models"),
    ],
)
def test_every_address_is_asked_where_our_own_engine_asks_it(endpoint, chat, models):
    backend = spec(asked(endpoint=endpoint))["backend"]
    assert backend["target"] == endpoint.rstrip("/")
    assert backend["api_routes"]["/v1/chat/completions"] == chat
    assert backend["api_routes"]["/health"] == models
    assert backend["verify"] is True
    assert "api_key" not in backend


def test_a_completion_protocol_and_a_key_are_told():
    backend = spec(asked(provider="openai_completions", api_key="k"))["backend"]
    assert (backend["request_format"], backend["api_key"]) == ("/v1/completions", "k")


@pytest.mark.parametrize("kind", ["gamma", "ramp", "steps", "trace", "search"])
def test_a_load_that_guidellm_lacks_is_refused_by_name(kind):
    with pytest.raises(UsageError, match=f"guidellm has no load `{kind}`"):
        Guidellm().check(asked(load=LoadSpec(kind=kind)))


def test_a_protocol_that_guidellm_lacks_is_refused_by_name():
    with pytest.raises(UsageError, match="does not speak `token_grammar`"):
        Guidellm().check(asked(provider="token_grammar"))


def test_a_missing_program_is_told_with_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PluginError, match="guidellm is not installed") as told:
        Guidellm().check(asked())
    assert "pip install guidellm" in told.value.hint
    monkeypatch.setenv(VARIABLE, "nowhere/guidellm")
    with pytest.raises(PluginError, match="names `nowhere/guidellm`, which is no program"):
        Guidellm().check(asked())


def test_the_program_is_run_without_our_python_and_its_scenario_is_nobody_elses(
    stand_in, folder, monkeypatch
):
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    body = (
        "mode = os.stat(path).st_mode & 0o777\n"
        "seen = {'mode': mode, 'env': dict(os.environ), 'spec': spec}\n"
        "json.dump(seen, open(spec['outputs'][0]['path'], 'w'))"
    )
    made = stand_in(body)
    taken = Guidellm(processor="tok").measure(asked(api_key="k"), folder)
    seen = json.loads(Path(taken.path).read_text())
    assert (taken.version, taken.program) == ("0.8.1", str(made))
    assert seen["mode"] == 0o600
    assert seen["spec"]["backend"]["api_key"] == "k"
    assert "PYTHONPATH" not in seen["env"]
    assert seen["env"]["PYTHONHASHSEED"] == "1"


def test_a_failure_tells_the_programs_last_words(stand_in, folder):
    stand_in("print('first'); print('╭───╮'); print('no tokenizer here'); sys.exit(3)")
    with pytest.raises(BakeoffError, match="exit code 3") as told:
        Guidellm().measure(asked(), folder)
    assert "no tokenizer here" in told.value.hint
    assert "╭" not in told.value.hint
    assert "--processor" in told.value.hint
    with pytest.raises(BakeoffError) as told:
        Guidellm(processor="tok").measure(asked(), folder)
    assert "--processor" not in told.value.hint


def test_it_runs_in_any_thread(stand_in, folder):
    stand_in("open(spec['outputs'][0]['path'], 'w').write('x')")
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(Guidellm().measure, asked(), folder).result()
    assert Path(taken.path).read_text() == "x"


def test_an_end_without_a_report_is_a_failure(stand_in, folder):
    stand_in("pass")
    with pytest.raises(BakeoffError, match="without a report") as told:
        Guidellm().measure(asked(), folder)
    assert "(none)" in told.value.hint


@pytest.mark.parametrize(
    ("version", "message"),
    [("guidellm version: 0.5.3", "guidellm 0.5.3 is too old"), ("no number", "tells no version")],
)
def test_an_old_or_strange_version_is_refused(stand_in, folder, version, message):
    stand_in("sys.exit(9)", version=version)
    with pytest.raises(PluginError, match=message):
        Guidellm().measure(asked(), folder)


def test_what_cannot_be_executed_is_refused(tmp_path, folder, monkeypatch):
    path = tmp_path / "guidellm"
    path.write_text("#!/nowhere/python\n")
    path.chmod(0o700)
    monkeypatch.setenv(VARIABLE, str(path))
    with pytest.raises(PluginError, match="cannot be run"):
        Guidellm().measure(asked(), folder)


def test_a_program_that_removes_itself_is_refused(stand_in, folder):
    made = stand_in("")
    made.write_text(made.read_text().replace("sys.exit()", "os.remove(sys.argv[0]); sys.exit()"))
    with pytest.raises(PluginError, match="cannot be run"):
        Guidellm().measure(asked(), folder)


def test_worker_processes_end_with_the_program(stand_in, folder):
    """The worker writes its id; after the program has ended it must be gone."""
    body = (
        "import subprocess\n"
        "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open(spec['outputs'][0]['path'], 'w').write(str(worker.pid))"
    )
    stand_in(body)
    taken = Guidellm().measure(asked(), folder)
    worker = int(Path(taken.path).read_text())
    assert _ends(worker), "the worker process was left behind"


def _ends(pid):
    import time

    for _ in range(500):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False
