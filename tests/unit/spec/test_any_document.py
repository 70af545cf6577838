"""Whatever stands in the file: a spec, or SpecErrorGroup with places, and nothing else."""

import tempfile
from pathlib import Path

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bakeoff.errors import SpecErrorGroup
from bakeoff.records import Spec
from bakeoff.spec import Catalog, dump, explain, load_spec

WORDS = st.sampled_from([
    "name", "models", "benchmarks", "endpoint", "source", "dataset", "synthetic", "prompt", "load",
    "kind", "type", "poisson", "local", "jsonl", "rate", "5/s", "500ms", "decide", "slo", "ttft",
    "incumbent", "quality", "metric", "http://h/v1", "huggingface", "hf://o/m", "x.gguf", "cases.jsonl",
    "file://x", "a.j2", "${A}", "${", "$${x}", "${B:-3}", "{{ x", "api_key", "headers", "price",
    "params", "temperature", "few_shot", "scorers", "words", "value", "deploy", "timeout", "connect",
    "seed", "version", "judge", "lm_eval", "<<", "a", "http://[", "~nobody/x.gguf", "1:30", "0x_",
    "1e999", "\x00", "\ud800", "é", "~", "x" * 300 + ".jsonl", "path", "limit", "metrics", "where",
])  # fmt: skip
LEAVES = WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)
MODEL = st.dictionaries(
    st.sampled_from(
        ["name", "endpoint", "source", "deploy", "price", "params", "headers", "api_key", "stream"]
    ),
    TREES,
)
BENCHMARK = st.dictionaries(
    st.sampled_from(
        ["name", "dataset", "synthetic", "prompt", "load", "scorers", "slo", "limit", "where", "metrics"]
    ),
    TREES,
)
SPECS = st.fixed_dictionaries(
    {"models": st.lists(MODEL, max_size=3)},
    optional={
        "benchmarks": st.lists(BENCHMARK, max_size=3),
        "decide": TREES,
        "timeout": TREES,
        "seed": TREES,
    },
)


def check(data: bytes, catalog: Catalog) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bakeoff.yaml"
        path.write_bytes(data)
        (Path(folder) / "cases.jsonl").touch()
        try:
            loaded = load_spec(path, {"A": "value"}, catalog=catalog, keep_refused=True)
        except SpecErrorGroup as error:
            group = error
        else:
            assert isinstance(loaded.spec, Spec)
            assert [setting.path for setting in explain(loaded)] == list(loaded.origins)
            dump(loaded).encode()
            return
        assert group.errors
        assert all(error.where for error in group.errors)
        str(group).encode()


@settings(max_examples=150, deadline=None)
@given(SPECS | TREES)
@example({"models": [{"name": {}, "endpoint": [], "source": [], "deploy": ""}]})
def test_any_document_loads_or_gives_spec_errors(catalog, tree):
    check(yaml.safe_dump(tree, allow_unicode=False).encode("utf-8", "replace"), catalog)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("abk:-?#&*!|>%@`'\"{}[], \n\t0x1_.~<=$\\u")), max_size=60))
@example("? ")
@example("!!int ''")
@example("!!bool x")
@example("a: !!timestamp x")
@example('"\\ud800"')
@example("a: " + "1" * 5000)
@example("<<: 3")
@example("a: &a {<<: *a}")
@example("%YAML 9.9\n---\na")
@example("%TAG ! x\n%TAG ! y\n---\na: !x b")
def test_any_text_loads_or_gives_spec_errors(catalog, text):
    check(text.encode(), catalog)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_load_or_give_spec_errors(catalog, data):
    check(data, catalog)
