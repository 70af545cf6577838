import json

import pytest
from tests.unit.importers.examples import FILES, OLD_GUIDELLM, RESULTS, needs_results

from bakeoff import plugins
from bakeoff.run.importing import find_importer
from bakeoff.testing.contracts.importers import check_broken_files, check_importer

REAL = {
    "aiperf": ["aiperf-0.13.0.json", "aiperf-0.13.0-records.jsonl"],
    "genai_bench": ["genai-bench-0.0.5.json"],
    "guidellm": ["guidellm-0.8.1.json"],
    "inference_perf": ["inference-perf-0.7.0.json"],
    "llmeter": ["llmeter-0.2.0.json"],
    "llmperf": ["llmperf_summary.json", "llmperf_individual_responses.json"],
    "lm_eval": ["lm-eval-0.4.13-results.json", "lm-eval-0.4.13-samples.jsonl"],
    "vllm_bench": ["vllm-bench-0.32.json"],
}


def test_every_importer_has_an_example():
    assert sorted(FILES) == plugins.names("importers")


@pytest.mark.parametrize("name", sorted(FILES))
def test_importer_reads_its_tools_files(name, tmp_path):
    check_importer(plugins.create("importers", name, {}), tmp_path, FILES[name])


def test_guidellm_reads_its_old_files(tmp_path):
    importer = plugins.create("importers", "guidellm", {})
    check_importer(importer, tmp_path, {"results.json": json.dumps(OLD_GUIDELLM)})


@pytest.mark.parametrize("name", sorted(FILES))
def test_importer_refuses_broken_files(name, tmp_path):
    check_broken_files(plugins.create("importers", name, {}), tmp_path, FILES[name])


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_two_importers_claim_a_file(name, tmp_path):
    for file, text in FILES[name].items():
        (tmp_path / file).write_text(text)
        claims = [each for each in FILES if plugins.create("importers", each, {}).detect(tmp_path / file)]
        assert claims == [name]


@needs_results
@pytest.mark.parametrize("name", sorted(REAL))
def test_importer_reads_real_files(name, tmp_path):
    files = {file: (RESULTS / file).read_text(encoding="utf-8") for file in REAL[name]}
    check_importer(plugins.create("importers", name, {}), tmp_path, files)
    assert {find_importer(RESULTS / file) for file in files} == {name}
