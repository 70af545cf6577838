"""The example of the design loads up to the features that this version does not have."""
# ruff: noqa: E501  the example's lines are as long as they are

EXAMPLE = """\
version: 1
name: support-bot
models:
  - name: llama2-base
    source: huggingface
    model_id: meta-llama/Llama-2-7b-chat-hf
    accelerators: "L4:1"
    deploy: skypilot
  - name: current
    endpoint: https://api.example.com/v1
    model: some-model
    api_key: ${EXAMPLE_KEY}
    price: {input: 2.5, cached_input: 1.25, output: 10}     # USD per 1M tokens
cleanup_on_complete: true
benchmarks:
  - {name: own-data, dataset: cases.jsonl, prompt: "{{input}}", scorers: [{type: words, value: "{{reference}}"}]}
  - {name: arc, lm_eval: arc_easy, limit: 200}
  - {name: load, synthetic: {prompt_tokens: {mean: 550, stddev: 150}, output_tokens: {mean: 150}}, load: {kind: sweep}}
judge: {model: {endpoint: "http://h/v1", model: m}, mode: [pairwise, absolute]}
decide:
  incumbent: current
  quality: {metric: own-data.accuracy, margin: 0.03}
  slo: {ttft: 500ms, e2e: 8s, attainment: 0.95, at_rate: 5/s}
  budget: {usd_per_1k_requests: 2.0}
"""


def test_only_what_is_not_built_is_refused(mistakes):
    errors = mistakes(EXAMPLE, {"EXAMPLE_KEY": "k"})
    assert [error.partition(" is not available")[0] for error in errors] == [
        "bakeoff.yaml:8 models[0].deploy: deploy `skypilot`",
        "bakeoff.yaml:18 benchmarks[2].load.kind: load `sweep`",
        "bakeoff.yaml:19 judge: `judge`",
    ]


def test_the_rest_of_it_loads(load):
    lines = EXAMPLE.replace("load: {kind: sweep}", "limit: 9").replace("deploy: skypilot", "deploy: local")
    kept = [line for line in lines.splitlines() if not line.startswith("judge")]
    spec = load("\n".join(kept), {"EXAMPLE_KEY": "k"}).spec
    assert spec.decide.slo is not None
    assert (spec.decide.slo.ttft, spec.decide.slo.at_rate) == (0.5, 5.0)
    assert spec.models[1].api_key == "k"
    assert spec.benchmarks[1].dataset.options["task"] == "arc_easy"
    assert [each.type for each in spec.benchmarks[1].scorers] == ["lm_eval"]
