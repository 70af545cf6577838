"""Each classic mistake gives one error with its line, its path and the fix."""
# ruff: noqa: E501  a row of a table is one line

import pytest

from bakeoff.errors import SpecErrorGroup
from bakeoff.spec import load_spec

GOOD = """\
models:
  - name: a
    endpoint: http://127.0.0.1:8000/v1
benchmarks:
  - name: q
    dataset: cases.jsonl
"""


def with_model(line: str) -> str:
    return GOOD.replace("benchmarks:", f"    {line}\nbenchmarks:")


def with_benchmark(*lines: str) -> str:
    return GOOD + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("text", "where", "said", "hint"),
    [
        ("models:\n\t- a", 2, "a tab is used as indentation", "spaces"),
        ("models: [a\n", 2, "a bracket or a comma is missing", "close"),
        ("models: []\nname: a: b\n", 2, "a `:` stands where no value can start", "quotes"),
        ("models:\n  - name: a\n endpoint: x\n", 3, "not indented like its neighbours", "same column"),
        ('models: []\nname: "a\n', 2, "a quote is never closed", "close"),
        ("models: []\nname: @a\n", 2, "a text cannot start with this character", "quotes"),
        ("models: []\nname: *a\n", 2, "a `*` reference has no `&` anchor", "quotes"),
        ("models: []\nseed: 1\nseed: 2\n", 3, "the key `seed` stands twice", "bakeoff.yaml:2"),
        ("a: 1\n---\nb: 2\n", 2, "more than one document", "---"),
        ("models: []\nname: {{input}}\n", 2, "a key must be plain text", "quotes"),
        ("models: !!set {a}\n", 1, "the YAML tag `!!set` is not allowed", "remove"),
        ("models: []\nseed: !!int x\n", 2, "`x` is no int of YAML", "quotes"),
        ("models: []\n<<: 3\n", 2, "`<<` takes a mapping", ""),
        ('name: "\\ud800"\n', 1, "the text is not valid Unicode", ""),
        ("models: []\nname: !!python/object:os.system x\n", 2, "tag `!!python/object:os.system`", "remove"),
        ("", 1, "the file is empty", "bakeoff init"),
        ("- a\n", 1, "must be a mapping of keys, not a list", "models:"),
        ("name: a\x07b\n", 1, "a control character", "remove"),
        ("x: &a [*a]\n", 1, "repeats itself without end", ""),
        ("a: 1\nmodels: " + "[" * 2000, 1, "nested too deeply", ""),
        ("a: 1\nmodels:\n  " + "[" * 99 + "]" * 99, 3, "nested too deeply", ""),
    ],
)
def test_broken_yaml_names_line_and_fix(mistakes, text, where, said, hint):
    (error,) = mistakes(text)
    assert error.startswith(f"bakeoff.yaml:{where} ")
    assert said in error
    assert hint in error.partition(" | ")[2]


@pytest.mark.parametrize(
    ("text", "where", "said", "hint"),
    [
        (GOOD + "nmae: x\n", 7, "nmae: unknown key. Did you mean `name`?", "known: name,"),
        (GOOD + "seed: fast\n", 7, "seed: expected a whole number, got the text `fast`", ""),
        (GOOD + 'seed: "3"\n', 7, "seed: expected a whole number", "remove the quotes"),
        (GOOD + "seed: 1.5\n", 7, "got the number `1.5`", ""),
        (GOOD + "seed: 99999999999999999999\n", 7, "does not fit into 64 bits", ""),
        (GOOD + "seed: [1]\n", 7, "seed: expected a whole number, got a list", ""),
        (GOOD + "error_tolerance: 5%\n", 7, "expected a number", "write the share: `0.05`"),
        (GOOD + "error_tolerance: 5\n", 7, "must be at most 1, got 5", "5 % is `0.05`"),
        (GOOD + "error_tolerance: .inf\n", 7, "expected a finite number", ""),
        (GOOD + "cleanup_on_complete: 3\n", 7, "expected `true` or `false`, got the number `3`", ""),
        (GOOD + "timeout: 5\n", 7, "timeout: expected a mapping, got the number `5`", "connect"),
        (GOOD + "timeout: {connect: 5 parsecs}\n", 7, "timeout.connect: expected a duration", "`500ms`"),
        (GOOD + "timeout: {connect: 0}\n", 7, "timeout.connect: must be more than 0, got 0", ""),
        (GOOD + "decide: {slo: {at_rate: fast, e2e: 1}}\n", 7, "decide.slo.at_rate: expected a rate", "`5/s`"),
        (GOOD + "decide: {slo: {at_rate: 5/s}}\n", 7, "decide.slo: an slo needs a latency threshold", "ttft"),
        (GOOD + "decide: {level: 0.5}\n", 7, "decide.level: must be more than 0.5", ""),
        (with_benchmark("models: [a, c]"), 7, "benchmarks[0].models[1]: no model is named `c`", "models: a"),
        (GOOD + "decide: {incumbent: b}\n", 7, "decide.incumbent: no model is named `b`", "models: a"),
        (GOOD + "decide: {quality: {metric: z.accuracy}}\n", 7, "`z.accuracy` refers to no benchmark", "q"),
        (GOOD + "decide: {quality: {metric: q.accuracy}}\n", 7, "`q` has no quality metric `accuracy`", "give the benchmark a scorer"),
        (with_benchmark("scorers: [words]") + "decide: {quality: {metric: q.acuracy}}\n", 8, "no quality metric `acuracy`. Did you mean `accuracy`?", "known: accuracy"),
        (with_benchmark("scorers: [words]") + "decide: {quality: {metric: q.ttft}}\n", 8, "no quality metric `ttft`", "`decide.slo`"),
        (with_benchmark("scorers:", "  - exact", "  - words", "  - {type: exact, metric: accuracy}"), 10, "benchmarks[0].scorers[2]: feeds the metric `accuracy`, as the scorer at bakeoff.yaml:9 does", "`metric: exact_accuracy`"),
        (GOOD + "version: 2\n", 7, "version: the file is of version 2", "version: 1"),
        (GOOD + "judge: {mode: pairwise}\n", 7, "judge: `judge` is not available in this version", ""),
        (with_model("endpont: x"), 4, "models[0].endpont: unknown key. Did you mean `endpoint`?", "known"),
        (with_model("price: {input: free}"), 4, "models[0].price.input: expected a decimal number", ""),
        (with_model("price: {input: -1}"), 4, "models[0].price.input: a price is not negative", ""),
        (with_model("price: {input: .nan}"), 4, "models[0].price.input: expected a decimal number", ""),
        (with_model("price: [1]"), 4, "models[0].price: expected a mapping, got a list", "input"),
        (with_model("params: {top_k: 99999999999999999999}"), 4, "models[0].params.top_k: the number does not fit", ""),
        (with_model("params: [1]"), 4, "models[0].params: expected a mapping, got a list", "key: value"),
        (with_model("deploy: ~\n    engine: [1]"), 5, "models[0].engine: expected a text, got a list", ""),
        (with_model("params: {temperature: hot}"), 4, "models[0].params.temperature: expected a number", ""),
        (with_model("source: model.gguf"), 4, "models[0].source: a model has `endpoint` or", "remove"),
        (with_model("api_key: ${NOPE}"), 4, "models[0].api_key: the variable `NOPE` is not set", "export NOPE"),
        (with_model("api_key: ${2}"), 4, "`${` does not start a variable name", "$${"),
        (with_model("deploy: skypilot"), 4, "deploy `skypilot` is not available in this version; known: local, none", "a"),
        (with_model("deploy: lokal"), 4, "Did you mean `local`?", ""),
        (with_model("deploy: {type: none, gpu: 1}"), 4, "models[0].deploy.gpu: unknown option", "metric"),
        (with_model("headers: {X: [1]}"), 4, "models[0].headers.X: expected a text, got a list", ""),
        (with_benchmark("load: {kind: poison, rate: 1}"), 7, "Did you mean `poisson`?", ""),
        (with_benchmark("load: {kind: sweep}"), 7, "benchmarks[0].load.kind: load `sweep` is not available", ""),
        (with_benchmark("load: poisson"), 7, "benchmarks[0].load: missing required key `rate`", ""),
        (with_benchmark("load: {kind: poisson, rate: 1, request: 3}"), 7, "Did you mean `requests`?", "rate"),
        (with_benchmark("load: {kind: poisson, rate: fast}"), 7, "benchmarks[0].load.rate: expected a rate", ""),
        (with_benchmark("load: [poisson]"), 7, "benchmarks[0].load: expected a load, got a list", "kind"),
        (with_benchmark("scorers: exact"), 7, "benchmarks[0].scorers: expected a list", "[…]"),
        (with_benchmark("scorers: [{type: words, value: {}}]"), 7, "expected a text or a list, got a mapping", ""),
        (with_benchmark("scorers: [{type: words, value: [[1]]}]"), 7, "value[0]: expected a text, got a list", ""),
        (with_benchmark('scorers: [{type: words, value: ""}]'), 7, "scorers[0]: `value` is empty", ""),
        (with_benchmark("scorers: [broken]"), 7, "needs the package `x`", "pip install x"),
        (with_benchmark("scorers: [{value: x}]"), 7, "scorers[0]: missing required key `type`", "a text"),
        (with_benchmark("metrics: [tftt]"), 7, "metric `tftt` is not available", ""),
        (with_benchmark("sample: frist"), 7, "expected one of `first`, `random`", ""),
        (with_benchmark("limit: 1e400"), 7, "expected a whole number, got the number `1e400`", ""),
        (with_benchmark("limit: true"), 7, "expected a whole number, got `true`", ""),
        (with_benchmark("load: {kind: poisson, rate: yes}"), 7, "expected a rate, got `yes`", "`5/s`"),
        (with_benchmark("load: {seconds: true}"), 7, "expected a duration, got `true`", "`8s`"),
        (with_benchmark("scorers: [{type: words, value: [~]}]"), 7, "value[0]: expected a text, got nothing", ""),
        (with_benchmark("prompt: [x]"), 7, "benchmarks[0].prompt: expected a mapping, got a list", "template"),
        (with_benchmark("few_shot: 1"), 7, "benchmarks[0].few_shot: unknown key", "known"),
        (GOOD.replace("dataset: cases.jsonl", "synthetic: 5"), 6, "benchmarks[0].synthetic: expected a mapping", ""),
        (GOOD.replace("dataset: cases.jsonl", "dataset: [1]"), 6, "expected a dataset type, got a list", "NAME"),
        (GOOD.replace("cases.jsonl", "{path: x.parquet}"), 6, "does not tell the type", ".jsonl"),
        (GOOD.replace("cases.jsonl", "~nobody/none.jsonl"), 6, "there is no file `~nobody/none.jsonl`", ""),
        (GOOD.replace("cases.jsonl", "none/none.jsonl"), 6, "there is no file `none/none.jsonl`", ""),
        (with_benchmark("limit: 0"), 7, "benchmarks[0].limit: must be at least 1, got 0", ""),
        (with_benchmark("name:"), 7, "the key `name` stands twice", "bakeoff.yaml:5"),
        (with_benchmark('prompt: "{{ input"'), 7, "benchmarks[0].prompt.template:", ""),
        (with_benchmark("prompt: nowhere.j2"), 7, "the file `nowhere.j2` cannot be read", "paths start at"),
        (with_benchmark("synthetic: {}"), 7, "benchmarks[0].synthetic: stands beside `dataset`", "keep one"),
        (with_benchmark("slo: {attainment: 95, e2e: 1}"), 7, "must be at most 1, got 95", "0.95"),
        (GOOD.replace("cases.jsonl", "casse.jsonl"), 6, "no file `casse.jsonl`. Did you mean `cases.jsonl`?", ""),
        (GOOD.replace("cases.jsonl", "x.parquet"), 6, "`x.parquet` does not tell the type", ".jsonl"),
        (GOOD.replace("cases.jsonl", "{type: parquet}"), 6, "dataset type `parquet` is not available", ""),
        (GOOD.replace("dataset: cases.jsonl", "lm_eval: []"), 6, "expected the name of a task", "arc_easy"),
        (GOOD.replace("dataset: cases.jsonl", "limit: 3"), 5, "missing required key `dataset`", ""),
        (GOOD.replace("dataset: cases.jsonl", "synthetic: {}"), 5, "the dataset `synthetic` never ends", "limit"),
        (GOOD.replace("name: a", "name: a/b:c"), 2, "cannot be part of a file name", "`a-b-c`"),
        (GOOD.replace("name: a", "name: [a]"), 2, "models[0].name: expected a text, got a list", ""),
        (GOOD.replace("name: a", "name:"), 2, "models[0].name: the value is missing", ""),
        (GOOD.replace("- name: a\n    ", "- "), 2, "models[0]: missing required key `name`", "a text"),
        (GOOD.replace("http:", "ftp:"), 3, "no `http://` or `https://` URL", "/v1"),
        (GOOD.replace("127", "u:p@127"), 3, "no user name and no password", "api_key"),
        (GOOD.replace("127.0.0.1", "[::"), 3, "no `http://` or `https://` URL", "/v1"),
        (GOOD.replace("endpoint: http://127.0.0.1:8000/v1", "stream: true"), 2, "needs `endpoint` or `source`", ""),
        (GOOD.replace("endpoint: http://127.0.0.1:8000/v1", "source: no.gguf"), 3, "no file `no.gguf`", ""),
        ("models: []\n", 1, "models: no model is named", "at least one"),
        ("name: x\n", 1, "missing required key `models`", "a list"),
        ("models: {name: a}\n", 1, "models: expected a list, got a mapping", "- "),
    ],
)  # fmt: skip
def test_a_mistake_names_line_path_and_fix(mistakes, text, where, said, hint):
    (error,) = mistakes(text)
    assert error.startswith(f"bakeoff.yaml:{where} ")
    assert said in error
    assert hint in error.partition(" | ")[2]


def test_the_good_file_has_no_mistake(load):
    assert load(GOOD).spec.models[0].name == "a"


def test_equal_names_are_refused_whatever_their_case(mistakes):
    text = GOOD.replace("benchmarks:", "  - name: A\n    endpoint: http://h/v1\nbenchmarks:")
    (error,) = mistakes(text)
    assert error.startswith("bakeoff.yaml:4 models[1].name: the name `A` is taken at bakeoff.yaml:2")


def test_all_mistakes_are_told_at_once_in_the_order_of_lines(mistakes):
    text = """\
nmae: x
seed: fast
models:
  - name: a
    endpoint: ftp://x
    api_key: ${NOPE}
    pirce: {input: 1}
  - source: no.gguf
benchmarks:
  - name: q
    dataset: no.jsonl
    load: {kind: poisson, rate: fast}
    scorers: [nothing]
  - {name: arc, lm_eval: []}
decide:
  incumbent: b
"""
    errors = mistakes(text)
    lines = [int(error.split()[0].rpartition(":")[2]) for error in errors]
    assert lines == [1, 2, 5, 6, 7, 8, 8, 11, 12, 13, 14, 16]


def test_an_unset_variable_is_told_once_and_not_its_consequences(mistakes):
    errors = mistakes(GOOD.replace("http://127.0.0.1:8000/v1", "${URL}") + "seed: ${SEED}\n")
    assert [error.partition(" |")[0] for error in errors] == [
        "bakeoff.yaml:3 models[0].endpoint: the variable `URL` is not set.",
        "bakeoff.yaml:7 seed: the variable `SEED` is not set.",
    ]


def test_a_missing_file_is_a_mistake_with_its_path(load, tmp_path):
    with pytest.raises(SpecErrorGroup, match="cannot be read: No such file") as caught:
        load_spec(tmp_path / "none.yaml", {})
    assert caught.value.exit_code == 2


def test_a_file_that_is_no_utf8_names_the_line(tmp_path):
    (tmp_path / "bakeoff.yaml").write_bytes(b"name: a\nseed: \xff\n")
    with pytest.raises(SpecErrorGroup, match=r"bakeoff\.yaml:2: the text is not UTF-8"):
        load_spec(tmp_path / "bakeoff.yaml", {})


def test_aliases_that_multiply_are_stopped(mistakes):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    (error,) = mistakes("\n".join(lines))
    assert "repeats itself without end" in error


def test_a_file_too_large_for_a_spec_is_not_read(mistakes):
    (error,) = mistakes("#" * 10_000_001)
    assert "the file is too large for a spec" in error
