"""SkyPilot's two configurations are read as they stand; what cannot be started is refused by name."""

from bakeoff.spec import load_spec

SEED = """\
# Models to compare
models:
  - name: mistral-7b
    source: huggingface
    model_id: mistralai/Mistral-7B-Instruct-v0.3
    accelerators: "L4:1"
  - name: tuned
    source: volume://models/tuned
    accelerators: "A100:1"
"""
LATER = """\
cluster_prefix: eval
skip_launch: true
cleanup_on_complete: false
models:
  - name: mistral
    source: hf://mistralai/Mistral-7B-Instruct-v0.3
    serve_template: configs/serve-sglang.yaml
  - name: bucket
    source: s3://bucket/path
promptfoo:
  description: two tests
  prompts: ["{{message}}"]
  tests: [{vars: {message: hello}, assert: [{type: contains, value: hi}]}]
"""


def test_the_first_form_is_refused_model_by_model(mistakes):
    errors = mistakes(SEED)
    said = "deploy `skypilot` is not available in this version; known: local, none."
    assert [error.split(" | ")[0] for error in errors] == [
        f"bakeoff.yaml:4 models[0].deploy.type: {said}",
        f"bakeoff.yaml:8 models[1].deploy.type: {said}",
    ]
    assert "model `mistral-7b`" in errors[0]
    assert "model `tuned`" in errors[1]


def test_the_first_form_is_read_whole(load):
    spec = load(SEED, keep_refused=True).spec
    assert [(model.name, model.source, model.accelerators) for model in spec.models] == [
        ("mistral-7b", "huggingface", "L4:1"),
        ("tuned", "volume://models/tuned", "A100:1"),
    ]
    assert spec.models[0].model_id == "mistralai/Mistral-7B-Instruct-v0.3"
    assert spec.cleanup_on_complete


def test_the_later_form_keeps_its_cluster_settings(write):
    loaded = load_spec(write(LATER), {}, keep_refused=True)
    deploy = loaded.spec.models[0].deploy
    assert deploy is not None
    assert deploy.type == "skypilot"
    assert deploy.options == {
        "cluster_prefix": "eval",
        "skip_launch": True,
        "serve_template": "configs/serve-sglang.yaml",
    }
    assert not loaded.spec.cleanup_on_complete
    assert [error.message.partition(" is ")[0] for error in loaded.refused] == [
        f"models[{number}].deploy.type: deploy `skypilot`" for number in range(len(loaded.refused))
    ]


def test_its_promptfoo_block_is_its_benchmarks(write):
    spec = load_spec(write(LATER), {}, keep_refused=True).spec
    assert spec.name == "two-tests"
    (benchmark,) = spec.benchmarks
    assert benchmark.dataset.options == {"path": "bakeoff.yaml", "key": "promptfoo", "prompt": None}
    assert benchmark.prompt.template == "{{message}}"
    assert [scorer.type for scorer in benchmark.scorers] == ["assertions"]


def test_a_promptfoo_block_that_is_none(mistakes):
    errors = mistakes(SEED + "promptfoo: yes please\n")
    assert "bakeoff.yaml:10 promptfoo: expected a mapping" in errors[-1]


def test_an_empty_promptfoo_block_is_none(load):
    assert load(SEED + "promptfoo:\n", keep_refused=True).spec.benchmarks == []


def test_its_mistakes_are_told_like_ours(mistakes):
    errors = mistakes(SEED.replace("    model_id: mistralai/Mistral-7B-Instruct-v0.3\n", ""))
    assert errors[0].startswith("bakeoff.yaml:4 models[0].source: the source `huggingface` needs `model_id`")


def test_a_file_with_our_keys_is_ours(mistakes):
    errors = mistakes("version: 1\n" + SEED + "cluster_prefix: eval\n")
    assert "bakeoff.yaml:11 cluster_prefix: unknown key." in errors[-1]
