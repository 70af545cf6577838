"""lm-eval's evaluation through our client: scores as in our run, nothing asked twice, nothing lost."""

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.runs import run
from tests.lm_tasks import write_quiz

from bakeoff.errors import EndpointError, StoreError, UsageError
from bakeoff.run.exporting import export_run
from bakeoff.testing.truth import Fault, TruthProcess, TruthSettings

pytest.importorskip("lm_eval.api.model", reason="needs lm-eval")
from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.tasks import TaskManager

from bakeoff.harness.offline import offline
from bakeoff.lm import register
from bakeoff.lm.model import BakeoffLM, Conversation

# What lm-eval and its libraries warn of is theirs.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(120)]

SUMS = TruthSettings(answer="arithmetic", accuracy=0.5)
CHOICES = """output_type: multiple_choice
doc_to_choice: ["2", "4", "6", "8"]
doc_to_target: 1
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
filter_list: [{name: none, filter: [{function: take_first}]}]
"""


def quiz(folder: Path, extra: str = "") -> Path:
    return write_quiz(folder, f"dataset_kwargs: {{data_files: {{test: {folder / 'quiz.jsonl'}}}}}\n{extra}")


def evaluated(
    tasks: Path, *, name: str = "bakeoff", chat: bool = False, cache: Path | None = None, **arguments: Any
) -> dict[str, Any]:
    register()
    with offline():
        found = simple_evaluate(
            model=name,
            model_args=arguments,
            tasks=["quiz"],
            apply_chat_template=chat,
            fewshot_as_multiturn=chat,
            bootstrap_iters=0,
            use_cache=None if cache is None else str(cache),
            task_manager=TaskManager(include_path=str(tasks), include_defaults=False),
        )
    assert found is not None
    return dict(found)


def by_our_run(folder: Path, tasks: Path, url: str, **benchmark: Any) -> dict[str, Any]:
    """Ask the task in a run of ours and return what it writes for lm-eval's readers."""
    asked = {"name": "b", "lm_eval": "quiz", "include_path": str(tasks)} | benchmark
    models = [{"name": "m", "endpoint": url, "model": "m", "params": {"seed": 1234}}]
    spec = folder / "bakeoff.yaml"
    spec.write_text(yaml.safe_dump({"models": models, "benchmarks": [asked]}))
    written = export_run(
        run(spec, folder / "runs").folder, "lm_eval", folder / "files", {"bootstrap_iters": 0}
    )
    return dict(json.loads(written[0].read_text())["results"]["quiz"])


def instance(kind: str, *arguments: Any, doc: int | None = None) -> Instance:
    return Instance(kind, {}, arguments, 0, ("t", doc, 1))


def generate(lm: BakeoffLM, *texts: str, repeats: int = 1) -> list[str]:
    wanted = {"until": ["\n"], "max_gen_toks": 9}
    asked = [instance("generate_until", text, dict(wanted), doc=at) for at, text in enumerate(texts)]
    return lm.generate_until([each for each in asked for _ in range(repeats)], disable_tqdm=True)


@pytest.mark.parametrize("chat", [False, True], ids=["completion", "chat"])
def test_a_task_that_generates_scores_as_in_our_own_run(chat: bool, tmp_path: Path) -> None:
    tasks = quiz(tmp_path / "tasks", "fewshot_split: test\nnum_fewshot: 1\n")
    with TruthProcess(SUMS) as server:
        ours = by_our_run(tmp_path, tasks, server.url, prompt={"form": "chat" if chat else "completion"})
        found = evaluated(tasks, chat=chat, base_url=server.url, model="m")
    assert found["results"]["quiz"] == ours
    assert 0 < ours["exact_match,strict"] < 1
    assert found["config"]["bakeoff"]["sent"]["answers"] == 8


def test_a_task_that_generates_scores_as_by_lm_evals_own_model(tmp_path: Path) -> None:
    tasks = quiz(tmp_path / "tasks", "fewshot_split: test\nnum_fewshot: 1\n")
    with TruthProcess(SUMS) as server:
        ours = evaluated(tasks, base_url=server.url, model="m")
        own = {"tokenizer_backend": None, "tokenized_requests": False}
        path = f"{server.url}/completions"
        theirs = evaluated(tasks, name="local-completions", base_url=path, model="m", **own)
    assert ours["results"] == theirs["results"]
    assert [row["resps"] for row in ours["samples"]["quiz"]] == [
        row["resps"] for row in theirs["samples"]["quiz"]
    ]


@pytest.mark.parametrize("engine", ["vllm", "llama.cpp"])
def test_a_task_by_likelihood_scores_as_in_our_own_run(engine: Any, tmp_path: Path) -> None:
    tasks = quiz(tmp_path / "tasks", CHOICES)
    table = {f"{n} + {n}?": str(2 * n) for n in range(1, 9)}
    settings = TruthSettings(engine=engine, answer="table", answers=table)
    with TruthProcess(settings) as server:
        ours = by_our_run(tmp_path, tasks, server.url, multiple_choice="likelihood")
        found = evaluated(tasks, base_url=server.url, model="m")
    assert found["results"]["quiz"] == ours
    assert ours["acc,none"] == 0.125
    first = found["samples"]["quiz"][1]
    assert first["doc"]["question"] == "2 + 2?"
    assert [each[0] for each in first["resps"]] == [
        [(-4.0, False)][0],
        [(-0.25, True)][0],
        (-4.0, False),
        (-4.0, False),
    ]
    mode = "prompt_logprobs" if engine == "vllm" else "grammar"
    assert found["config"]["bakeoff"]["likelihoods"] == mode


@pytest.mark.parametrize("extra", ["", CHOICES], ids=["generate", "likelihood"])
def test_a_second_evaluation_with_the_same_store_asks_nothing(extra: str, tmp_path: Path) -> None:
    tasks, store, totals = (
        quiz(tmp_path / "tasks", extra),
        tmp_path / "store",
        tmp_path / "deep" / "totals.json",
    )
    settings = TruthSettings(answer="arithmetic", accuracy=0.5, engine="llama.cpp")
    arguments = {
        "model": "m",
        "store": str(store),
        "totals": str(totals),
        "input_price": 2,
        "output_price": 3,
    }
    with TruthProcess(settings) as server:
        first = evaluated(tasks, base_url=server.url, **arguments)
        sent = json.loads(totals.read_text())["sent"]
        server.reset()
        again = evaluated(tasks, base_url=server.url, **arguments)
        assert server.truth() == []
    assert again["results"] == first["results"]
    told = json.loads(totals.read_text())
    assert told == again["config"]["bakeoff"]
    assert (told["sent"]["answers"], told["stored"]["answers"]) == (0, 8)
    # What the answers had cost is known from the store, retries are not.
    assert told["stored"] == sent
    assert float(sent["cost_usd"]) == (2 * sent["prompt_tokens"] + 3 * sent["completion_tokens"]) / 1e6


def test_a_failed_request_ends_it_by_name_and_only_that_is_asked_again(tmp_path: Path) -> None:
    faulty = TruthSettings(answer="arithmetic", faults=(Fault(kind="500", every=3),))
    with TruthProcess(faulty) as server:
        lm = BakeoffLM(base_url=server.url, model="m", attempts=1, store=str(tmp_path), concurrency=1)
        with pytest.raises(
            EndpointError, match=r"2 of 6 requests failed: http_500: HTTP 500.*\(2\)"
        ) as error:
            generate(lm, *(f"{n} + 1?" for n in range(6)))
        assert f"store={tmp_path}" in error.value.hint
        server.configure(TruthSettings(answer="arithmetic"))
        server.reset()
        assert generate(lm, *(f"{n} + 1?" for n in range(6))) == ["1", "2", "3", "4", "5", "6"]
        assert len(server.truth()) == 2
    assert lm.get_model_info()["bakeoff"]["sent"]["outcomes"] == {"ok": 6, "error": 2}


def test_without_a_store_the_first_failure_ends_it() -> None:
    with TruthProcess(TruthSettings(faults=(Fault(kind="500"),))) as server:
        lm = BakeoffLM(base_url=server.url, model="m", attempts=1, concurrency=1)
        with pytest.raises(EndpointError, match="1 of 6 requests failed, and 5 were not asked any more"):
            generate(lm, *"abcdef")
        assert len(server.truth()) == 1


def test_a_request_is_tried_again_and_its_retries_are_counted() -> None:
    with TruthProcess(TruthSettings(answer="arithmetic", faults=(Fault(kind="500", every=2),))) as server:
        lm = BakeoffLM(base_url=server.url, model="m", concurrency=1)
        assert generate(lm, "1 + 1?", "2 + 2?") == ["2", "4"]
    assert lm.get_model_info()["bakeoff"]["sent"]["retries"] == 1


def test_reasoning_is_left_out_and_an_answer_within_it_is_none(tmp_path: Path) -> None:
    thinking = TruthSettings(answer="arithmetic", reasoning=5, reasoning_field="think")
    talk = Conversation(json.dumps([{"role": "user", "content": "1 + 1?"}]))
    with TruthProcess(thinking) as server:
        arguments = {"base_url": server.url, "model": "m", "store": str(tmp_path)}
        assert generate(BakeoffLM(**arguments), talk) == ["2"]
        server.configure(TruthSettings(answer="arithmetic", reasoning=20, reasoning_field="think"))
        arguments["model"] = "other"
        with pytest.raises(EndpointError, match=r"1 of 1 answers hold nothing to judge \(1 truncated\)"):
            generate(BakeoffLM(**arguments), talk)
        server.reset()
        lm = BakeoffLM(**arguments, no_answer="wrong")
        assert generate(lm, talk) == [""]
        assert server.truth() == []
    assert lm.get_model_info()["bakeoff"]["stored"]["outcomes"] == {"truncated": 1}


def test_an_empty_answer_is_handed_over_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    with TruthProcess(TruthSettings(tokens=0)) as server:
        assert generate(BakeoffLM(base_url=server.url, model="m"), "a") == [""]
    assert "1 sent (1 empty)" in capsys.readouterr().err


def test_repeats_are_asked_each_and_found_again_each(tmp_path: Path) -> None:
    with TruthProcess(TruthSettings(answer="arithmetic")) as server:
        arguments = {"base_url": server.url, "model": "m", "store": str(tmp_path), "seed": None}
        assert generate(BakeoffLM(**arguments), "1 + 1?", repeats=3) == ["2"] * 3
        assert len(server.truth()) == 3
        assert generate(BakeoffLM(**arguments), "1 + 1?", repeats=4) == ["2"] * 4
        assert len(server.truth()) == 4


def test_an_endpoint_that_cannot_tell_likelihoods_is_refused_by_name() -> None:
    asked = [instance("loglikelihood", "a", " b", doc=0)]
    with TruthProcess(TruthSettings(engine="plain")) as server:
        with pytest.raises(EndpointError, match=r"no `prompt_logprobs`.*no `grammar`"):
            BakeoffLM(base_url=server.url, model="m").loglikelihood(asked)
        server.configure(TruthSettings(engine="vllm"))
        with pytest.raises(EndpointError, match="likely a text is: no `grammar`"):
            BakeoffLM(base_url=server.url, model="m", likelihoods="grammar").loglikelihood_rolling(asked)


def test_a_whole_text_is_likely_after_a_prefix() -> None:
    whole = [instance("loglikelihood_rolling", "1 + 1?", doc=0)]
    with TruthProcess(TruthSettings(engine="vllm")) as server:
        lm = BakeoffLM(base_url=server.url, model="m", prefix="<s> ")
        assert lm.loglikelihood_rolling(whole) == [-12.0]
        bare = BakeoffLM(base_url=server.url, model="m", attempts=1)
        with pytest.raises(EndpointError, match="is its context empty") as error:
            bare.loglikelihood_rolling(whole)
    assert "`prefix`" in error.value.hint


def test_likelihoods_come_back_in_the_order_of_the_requests() -> None:
    pairs = [("a b", " x"), ("c d", " x y"), ("a b", " x y z")]
    asked = [instance("loglikelihood", *pair, doc=at % 2) for at, pair in enumerate(pairs)]
    alone = [instance("loglikelihood", *pair) for pair in pairs]
    with TruthProcess(TruthSettings(engine="vllm")) as server:
        lm = BakeoffLM(base_url=server.url, model="m")
        assert [logprob for logprob, _ in lm.loglikelihood(asked)] == [-4.0, -8.0, -12.0]
        assert lm.loglikelihood(alone) == lm.loglikelihood(asked)
        assert lm.loglikelihood([]) == []
    assert lm.get_model_info()["bakeoff"]["sent"]["answers"] == 2 + 3 + 2


def test_conversations_have_no_likelihoods_and_are_no_texts() -> None:
    lm = BakeoffLM(base_url="http://127.0.0.1:1/v1", model="m")
    talk = lm.apply_chat_template([{"role": "user", "content": "a"}])
    with pytest.raises(UsageError, match="not of conversations"):
        lm.loglikelihood([instance("loglikelihood", talk, " b", doc=0)])
    with pytest.raises(UsageError, match="plain text"):
        generate(lm, talk + "")
    assert lm.tokenizer_name


def test_it_answers_within_a_loop_that_runs_already() -> None:
    async def notebook() -> list[str]:
        return generate(BakeoffLM(base_url=server.url, model="m"), "2 + 3?")

    with TruthProcess(TruthSettings(answer="arithmetic")) as server:
        assert asyncio.run(notebook()) == ["5"]


def test_a_store_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lm = BakeoffLM(base_url="http://127.0.0.1:1/v1", model="m", store=str(tmp_path / "file"))
    with pytest.raises(StoreError, match="response cache cannot be used"):
        generate(lm, "a")


def test_a_key_that_a_server_repeats_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "key-1234567")
    with TruthProcess(TruthSettings(api_key="another")) as server:
        lm = BakeoffLM(base_url=server.url, model="m", api_key_env="MY_KEY", concurrency=1)
        with pytest.raises(EndpointError, match="http_401") as error:
            generate(lm, "a", "b")
    assert "key-1234567" not in str(error.value) + json.dumps(lm.get_model_info())


@pytest.mark.parametrize("extra", ["", CHOICES], ids=["generate", "likelihood"])
def test_lm_evals_own_cache_holds_the_same(extra: str, tmp_path: Path) -> None:
    tasks, cache = quiz(tmp_path / "tasks", extra), tmp_path / "cache"
    with TruthProcess(TruthSettings(answer="arithmetic", engine="vllm")) as server:
        first = evaluated(tasks, cache=cache, base_url=server.url, model="m")
        server.reset()
        again = evaluated(tasks, cache=cache, base_url=server.url, model="m")
        assert server.truth() == []
    assert again["results"] == first["results"]
    assert again["config"]["bakeoff"]["sent"]["answers"] == 0


def test_a_store_that_breaks_on_the_way_ends_it_by_name(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "answers.sqlite3")) as file:
        file.execute("CREATE TABLE answers (other TEXT)")
    with TruthProcess(TruthSettings()) as server:
        lm = BakeoffLM(base_url=server.url, model="m", store=str(tmp_path))
        with pytest.raises(StoreError, match="no such column"):
            generate(lm, "a", "b", "c")
        assert server.truth() == []
