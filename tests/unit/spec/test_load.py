"""What a right file becomes: records with all defaults, origins, a document without secrets."""

from decimal import Decimal

import msgspec
import pytest
import yaml

from bakeoff import plugins
from bakeoff.datasets.synthetic import Synthetic
from bakeoff.errors import SpecErrorGroup
from bakeoff.records import Choice, LoadSpec, Sampling
from bakeoff.spec import at_base, dump, explain, load_stored_spec, schema

GOOD = """\
models:
  - name: a
    endpoint: http://127.0.0.1:8000/v1
benchmarks:
  - name: q
    dataset: cases.jsonl
"""
RICH = """\
name: ${NAME:-demo}
models:
  - name: a
    endpoint: http://127.0.0.1:8000/v1
    api_key: ${EXAMPLE_KEY:-a-default-key}
    headers: {X-Org: "org ${ORG}", Accept: text/plain}
    price: {input: 2.50, output: "10"}
    params: {temperature: 0.7, top_k: 4, stop: [x], min_p: 1e-3}
  - name: b
    source: model.gguf
    deploy: {type: local, threads: 2}
benchmarks:
  - name: own-data
    version: 1.10
    dataset: {path: cases.jsonl}
    prompt: "{{ input }} costs $${x}"
    load: {kind: poisson, rate: 300/min, requests: 100, warmup: 5}
    scorers: [exact, {type: words, value: [a, yes]}]
    metrics: [ttft]
    slo: {ttft: 500ms, e2e: 2m}
  - name: burst
    synthetic: {prompt_tokens: {mean: 55}}
    limit: 10
decide:
  incumbent: a
  quality: {metric: own-data.accuracy, margin: 0.03}
  budget: {usd_per_1k_requests: 2.0}
seed: ${SEED}
"""
ENV = {"ORG": "my-organisation", "SEED": "7"}


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("cases.jsonl", Choice(type="jsonl", options={"path": "cases.jsonl", "encoding": "utf-8"})),
        ("x.JSON", Choice(type="jsonl", options={"path": "x.JSON", "encoding": "utf-8"})),
        (
            "x.tsv.gz",
            Choice(type="csv", options={"path": "x.tsv.gz", "delimiter": None, "encoding": "utf-8"}),
        ),
        ("x.txt", Choice(type="text", options={"path": "x.txt", "encoding": "utf-8"})),
    ],
)
def test_a_dataset_is_told_by_its_suffix(load, tmp_path, short, full):
    (tmp_path / short).touch()
    loaded = load(GOOD.replace("cases.jsonl", short))
    assert loaded.spec.benchmarks[0].dataset == full


def test_the_options_of_choices_hold_all_defaults(load):
    benchmark = load(RICH, ENV).spec.benchmarks[0]
    assert benchmark.load == LoadSpec(kind="poisson", requests=100, warmup=5, options={"rate": 5.0})
    assert benchmark.scorers[1].options == {"value": ["a", "yes"], "at_least": 1, "fold": True}
    assert load(GOOD).spec.benchmarks[0].load.options == {"concurrency": 8}


def test_synthetic_cases_are_a_measured_load_unless_said_otherwise(load):
    burst = load(RICH, ENV).spec.benchmarks[1]
    assert burst.dataset.type == "synthetic"
    assert burst.dataset.options["prompt_tokens"]["mean"] == 55.0
    assert burst.measured
    text = RICH.replace("    limit: 10", "    limit: 10\n    measured: false")
    assert not load(text, ENV).spec.benchmarks[1].measured


def test_values_are_read_as_their_type(load):
    spec = load(RICH, ENV).spec
    assert spec.benchmarks[0].version == "1.10"
    assert spec.benchmarks[0].slo is not None
    assert (spec.benchmarks[0].slo.ttft, spec.benchmarks[0].slo.e2e) == (0.5, 120.0)
    assert spec.models[0].price is not None
    assert (spec.models[0].price.input, spec.models[0].price.output) == (Decimal("2.50"), Decimal(10))
    assert spec.models[0].params == {"temperature": 0.7, "top_k": 4, "stop": ["x"], "min_p": 0.001}
    assert spec.seed == 7
    assert spec.sampling == Sampling()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("100ms", 0.1), ("8s", 8.0), ("2m", 120.0), ("1.5 h", 5400.0), ("3", 3.0), (".5", 0.5)],
)
def test_durations(load, text, seconds):
    assert load(GOOD + f"timeout: {{connect: {text}}}\n").spec.timeout.connect == seconds


@pytest.mark.parametrize(("text", "rate"), [("5/s", 5.0), ("300/min", 5.0), ("0.5 / s", 0.5), ("5", 5.0)])
def test_rates(load, text, rate):
    slo = load(GOOD + f"decide: {{slo: {{e2e: 1, at_rate: {text}}}}}\n").spec.decide.slo
    assert slo is not None
    assert slo.at_rate == rate


def test_a_model_is_deployed_as_its_source_asks(load):
    text = "models:\n  - {name: a, endpoint: 'http://h/v1'}\n  - {name: b, source: pypi://demo}\n"
    models = load(text).spec.models
    assert [model.deploy.type for model in models if model.deploy] == ["none", "local"]
    assert models[1].deploy == Choice(type="local", options={"threads": None})


def test_nothing_after_a_key_means_the_default(load):
    spec = load(GOOD + "decide:\ntimeout:\nseed:\n").spec
    assert spec == load(GOOD).spec


def test_null_is_kept_where_it_means_something(load):
    sampling = load(GOOD + "sampling: {temperature: null}\n").spec.sampling
    assert sampling.temperature is None


def test_origins_name_file_variable_flag_or_default(load, tmp_path):
    (tmp_path / ".env").write_text("ORG=from-file\nBAKEOFF_ERROR_TOLERANCE=0.1\n")
    env = {"SEED": "7", "BAKEOFF_CLEANUP_ON_COMPLETE": "no"}
    loaded = load(RICH, env, overrides={"decide.level": 0.9, "benchmarks[*].limit": "3"})
    expected = {
        "name": "bakeoff.yaml:1",
        "models[0].name": "bakeoff.yaml:3",
        "models[0].headers.X-Org": ".env (ORG)",
        "models[0].deploy.type": "default",
        "models[0].stream": "default",
        "benchmarks[0].dataset.type": "bakeoff.yaml:15",
        "benchmarks[0].load.kind": "bakeoff.yaml:17",
        "benchmarks[0].scorers[1].value[1]": "bakeoff.yaml:18",
        "benchmarks[1].load.concurrency": "default",
        "benchmarks[1].limit": "flag --limit",
        "decide.level": "flag --level",
        "seed": "env SEED",
        "error_tolerance": ".env (BAKEOFF_ERROR_TOLERANCE)",
        "cleanup_on_complete": "env BAKEOFF_CLEANUP_ON_COMPLETE",
    }
    assert {path: loaded.origins[path] for path in expected} == expected
    assert loaded.env_keys == ("ORG", "BAKEOFF_ERROR_TOLERANCE")
    assert loaded.spec.error_tolerance == 0.1
    assert not loaded.spec.cleanup_on_complete
    assert [benchmark.limit for benchmark in loaded.spec.benchmarks] == [3, 3]


def test_every_leaf_of_the_document_has_an_origin(load):
    loaded = load(RICH, ENV)
    assert [setting.path for setting in explain(loaded)] == list(loaded.origins)


def test_a_flag_wins_over_a_variable_and_that_over_the_file(load):
    assert load(GOOD + "seed: 1\n", {"BAKEOFF_SEED": "2"}).spec.seed == 2
    assert load(GOOD + "seed: 1\n", {"BAKEOFF_SEED": "2"}, overrides={"seed": 3}).spec.seed == 3


def test_a_flag_reaches_into_a_short_form(load):
    overrides = {
        "benchmarks[0].load.rate": "5/s",
        "benchmarks[0].prompt.system": "Be short.",
        "decide.slo.e2e": "1s",
    }
    text = GOOD + "    load: {kind: poisson}\n    prompt: hello\n"
    spec = load(text, overrides=overrides).spec
    assert spec.benchmarks[0].load.options == {"rate": 5.0}
    assert (spec.benchmarks[0].prompt.template, spec.benchmarks[0].prompt.system) == ("hello", "Be short.")
    scored = load(
        GOOD + "    scorers: [exact, {type: exact, metric: m}]\n",
        overrides={"benchmarks[*].scorers[*].allow_code": True},
    )
    assert [s.options["allow_code"] for s in scored.spec.benchmarks[0].scorers] == [True, True]
    bare = load(GOOD, overrides={"benchmarks[*].scorers[*].allow_code": True})
    assert bare.spec.benchmarks[0].scorers == []
    short = load(GOOD + "    load: concurrent\n", overrides={"benchmarks[0].load.concurrency": 2})
    assert short.spec.benchmarks[0].load.options == {"concurrency": 2}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("seed", "fast", "flag --seed seed: expected a whole number, got the text `fast`"),
        ("benchmarks[7].limit", 3, "flag --limit the file has no item `[7]` there"),
        ("name.first", 3, "flag --first `first` cannot be set"),
        ("[0]", 3, "`[0]` is no path of the spec"),
        ("seed..", 3, "`seed..` is no path of the spec"),
        ("name", "\ud800", "flag --name the text is not valid Unicode"),
    ],
)
def test_a_wrong_flag_is_named(mistakes, path, value, said):
    (error,) = mistakes("name: x\n" + GOOD, overrides={path: value})
    assert said in error


def test_the_environment_wins_over_the_env_file(load, tmp_path):
    (tmp_path / ".env").write_text("ORG=file\nSEED=1\n")
    loaded = load(RICH, {"SEED": "2"})
    assert loaded.spec.seed == 2
    assert loaded.spec.models[0].headers["X-Org"] == "org file"


def test_secrets_are_collected_and_stand_nowhere_else(load):
    text = RICH.replace("Accept: text/plain", "Authorization: Bearer literal-token")
    loaded = load(text, {**ENV, "EXAMPLE_KEY": "sk-from-the-environment"})
    assert set(loaded.secrets) == {
        "sk-from-the-environment", "my-organisation", "Bearer literal-token", "literal-token",
    }  # fmt: skip
    shown = dump(loaded) + repr(explain(loaded)) + repr(loaded.origins)
    assert not [secret for secret in loaded.secrets if secret in shown]
    assert "a-default-key" not in shown
    assert loaded.document["models"][0]["api_key"] == "${EXAMPLE_KEY}"
    assert loaded.document["models"][0]["headers"]["Authorization"] == "***"


def test_a_literal_key_is_a_secret(load):
    loaded = load(GOOD.replace("benchmarks:", "    api_key: sk-literal\nbenchmarks:"))
    assert loaded.secrets == ("sk-literal",)
    assert loaded.spec.models[0].api_key == "sk-literal"
    assert {setting.path: setting.value for setting in explain(loaded)}["models[0].api_key"] == "***"


def test_a_variable_named_as_a_secret_is_one_wherever_it_stands(load):
    loaded = load(GOOD.replace("/v1", "/${URL_TOKEN}/v1"), {"URL_TOKEN": "tok-123456"})
    assert loaded.secrets == ("tok-123456",)
    assert "tok-123456" not in dump(loaded) + repr(explain(loaded))


def test_a_stored_spec_is_the_same_whatever_the_variables_are_now(load, tmp_path, catalog):
    loaded = load(RICH.replace("127.0.0.1", "${HOST_NAME}"), {**ENV, "EXAMPLE_KEY": "k1", "HOST_NAME": "h"})
    path = tmp_path / "spec.yaml"
    path.write_text(dump(loaded))
    now = {"EXAMPLE_KEY": "k1", "ORG": "my-organisation", "BAKEOFF_SEED": "99"}
    again = load_stored_spec(path, now, base=tmp_path, catalog=catalog)
    assert again.spec == loaded.spec
    assert again.document == loaded.document


def test_a_stored_spec_needs_its_secrets_and_files_only_to_send(load, tmp_path, catalog):
    text = RICH.replace("Accept: text/plain", "Authorization: Bearer literal-token")
    loaded = load(text, {**ENV, "EXAMPLE_KEY": "k1"})
    path = tmp_path / "spec.yaml"
    path.write_text(dump(loaded))
    (tmp_path / "cases.jsonl").unlink()
    read = load_stored_spec(path, {}, base=tmp_path, for_requests=False, catalog=catalog)
    assert read.spec.benchmarks == loaded.spec.benchmarks
    assert read.document == loaded.document
    with pytest.raises(SpecErrorGroup) as caught:
        load_stored_spec(path, {}, base=tmp_path, catalog=catalog)
    said = str(caught.value)
    assert all(
        part in said for part in ("`EXAMPLE_KEY` is not set", "`ORG` is not set", "not stored", "no file")
    )


def test_a_document_whose_secret_was_masked_asks_for_it(load, mistakes):
    loaded = load(GOOD.replace("benchmarks:", "    api_key: sk-literal\nbenchmarks:"))
    (error,) = mistakes(dump(loaded))
    assert "models[0].api_key: the secret was not stored with the run" in error


def test_the_document_is_plain_and_flat(load):
    document = load(RICH, ENV).document
    assert yaml.safe_load(yaml.safe_dump(document)) == document
    assert document["benchmarks"][0]["dataset"] == {
        "type": "jsonl",
        "path": "cases.jsonl",
        "encoding": "utf-8",
    }
    assert document["seed"] == 7
    assert document["benchmarks"][0]["prompt"]["template"] == "{{ input }} costs $${x}"


@pytest.mark.parametrize("name", ["file://ask.txt", "ask.txt", "ask.j2"])
def test_a_prompt_can_be_a_file(load, tmp_path, name):
    (tmp_path / name.removeprefix("file://")).write_text("Say {{ input }} and ${HOME}.\n")
    loaded = load(GOOD + f"    prompt: {name}\n")
    assert loaded.spec.benchmarks[0].prompt.template == "Say {{ input }} and ${HOME}.\n"
    assert loaded.origins["benchmarks[0].prompt.template"].startswith("bakeoff.yaml:7 (ask.")


def test_weights_of_a_relative_path_are_found_from_the_base(load, tmp_path):
    loaded = load(RICH, ENV)
    assert loaded.spec.models[1].source == "model.gguf"
    assert at_base(loaded.spec.models[1], loaded.base).source == str(tmp_path / "model.gguf")
    assert at_base(loaded.spec.models[0], loaded.base) is loaded.spec.models[0]


def test_anchors_and_merge_keys_share_settings(load):
    text = """\
models:
  - &first {name: a, endpoint: "http://h/v1", stream: false}
  - {<<: *first, name: b}
"""
    models = load(text).spec.models
    assert [(model.name, model.stream) for model in models] == [("a", False), ("b", False)]


def test_what_is_refused_can_be_kept_for_showing(load):
    text = "models:\n  - {name: a, source: 'hf://o/m'}\nbenchmarks: []\n"
    with pytest.raises(SpecErrorGroup, match="deploy `skypilot` is not available"):
        load(text)
    loaded = load(text, keep_refused=True)
    assert [error.where for error in loaded.refused] == ["bakeoff.yaml:2"]
    assert "model `a`" in loaded.refused[0].hint


def test_a_loaded_spec_is_frozen(load):
    with pytest.raises(AttributeError):
        load(GOOD).spec = None
    assert msgspec.structs.replace(load(GOOD).spec, seed=3).seed == 3


def test_a_flag_may_hold_a_whole_part(load):
    model = {"name": "b", "endpoint": "http://h/v1", "price": {"input": Decimal("0.1")}, "stream": False}
    spec = load(GOOD, overrides={"models": [model], "decide.incumbent": "b", "name": None}).spec
    assert spec.models[0].price is not None
    assert (spec.models[0].price.input, spec.models[0].stream) == (Decimal("0.1"), False)
    assert (spec.decide.incumbent, spec.name) == ("b", "bakeoff")


@pytest.mark.parametrize("short", ["dataset: synthetic", "synthetic:", "synthetic: {prompt_tokens: 256}"])
def test_synthetic_cases_need_no_options(load, short):
    loaded = load(GOOD.replace("dataset: cases.jsonl", f"{short}\n    load: {{requests: 5}}"))
    assert loaded.spec.benchmarks[0].dataset.options == msgspec.to_builtins(Synthetic())


def test_a_hub_id_alone_is_a_source(load):
    text = "models:\n  - {name: a, model_id: o/m}\n"
    assert load(text, keep_refused=True).spec.models[0].source == "huggingface"


def test_every_installed_implementation_is_in_the_schema():
    made = schema()["$defs"]
    for family in ("deployers", "providers", "datasets", "loads", "scorers"):
        named = [next(iter(form["properties"].values())) for form in made[family]["anyOf"][1:]]
        kinds = [kind["enum"][0] if "enum" in kind else kind["const"] for kind in named]
        assert kinds == plugins.names(family)


def test_a_trace_is_a_measured_load_unless_said_otherwise(load):
    text = RICH.replace(
        "    synthetic: {prompt_tokens: {mean: 55}}", "    dataset: {type: trace, path: cases.jsonl}"
    )
    assert load(text, ENV).spec.benchmarks[1].measured
    text = text.replace("    limit: 10", "    limit: 10\n    measured: false")
    assert not load(text, ENV).spec.benchmarks[1].measured


def test_a_warm_up_may_be_a_time(load):
    text = RICH.replace("warmup: 5", "warmup: 5, warmup_seconds: 1m")
    warm = load(text, ENV).spec.benchmarks[0].load
    assert (warm.warmup, warm.warmup_seconds) == (5, 60.0)
