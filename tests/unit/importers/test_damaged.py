"""Damaged files of other tools: the error names the file, and nothing is read that is not there."""

import json
from pathlib import Path
from random import Random

import pytest
import yaml
from tests.unit.importers.examples import FILES, GUIDELLM, LM_EVAL_LINES, OLD_GUIDELLM, RESULTS, needs_results

from bakeoff import plugins
from bakeoff.errors import DataError
from bakeoff.extend import Importer
from bakeoff.records.imported import Imported
from bakeoff.run.importing import import_files

REAL = {
    "aiperf-0.13.0.json": "aiperf",
    "aiperf-0.13.0-records.jsonl": "aiperf",
    "genai-bench-0.0.5.json": "genai_bench",
    "guidellm-0.8.1.json": "guidellm",
    "inference-perf-0.7.0.json": "inference_perf",
    "llmeter-0.2.0.json": "llmeter",
    "llmperf_summary.json": "llmperf",
    "llmperf_individual_responses.json": "llmperf",
    "lm-eval-0.4.13-results.json": "lm_eval",
    "lm-eval-0.4.13-samples.jsonl": "lm_eval",
    "vllm-bench-0.32.json": "vllm_bench",
}
STRANGE = (None, "text", "", -1, 0, 1e18, 1.5, True, [], {}, [None], {"a": None}, "9" * 400, "\x00\ud800")


def importer(name: str) -> Importer:
    made: Importer = plugins.create("importers", name, {})
    return made


def tried(name: str, path: Path, *, within: str = "") -> Imported | None:
    """Return what was read, None where the file, or another one `within` its folder, was refused by name."""
    made = importer(name)
    made.detect(path)
    where = path.as_posix()
    try:
        return made.read(path)
    except DataError as error:
        where = error.where
    assert (within or path.name) in where
    return None


def places(value: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    found = [at] if at else []
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        found += places(child, (*at, key))
    return found


def changed(text: str, rng: Random) -> str:
    """Return JSON, or a line of JSON lines, in which one value is another or is missing."""
    rows = text.splitlines() if not text.lstrip().startswith(("{\n", "[")) and "\n{" in text else [text]
    row = rng.randrange(len(rows))
    content = json.loads(rows[row])
    *path, last = rng.choice(places(content))
    holder = content
    for key in path:
        holder = holder[key]
    if rng.random() < 0.2:
        del holder[last]
    else:
        holder[last] = rng.choice(STRANGE)
    rows[row] = json.dumps(content)
    return "\n".join(rows)


@pytest.mark.parametrize("name", sorted(FILES))
def test_any_changed_value_is_read_or_refused_by_name(name: str, tmp_path: Path) -> None:
    rng = Random(7)
    for attempt in range(60):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        for file, text in FILES[name].items():
            (folder / file).write_text(text, encoding="utf-8")
        file = rng.choice(sorted(FILES[name]))
        (folder / file).write_text(changed(FILES[name][file], rng), encoding="utf-8")
        tried(name, folder / next(iter(FILES[name])), within=folder.name)


@needs_results
@pytest.mark.parametrize("file", sorted(REAL))
def test_a_real_file_with_a_changed_value_is_read_or_refused_by_name(file: str, tmp_path: Path) -> None:
    text = (RESULTS / file).read_text(encoding="utf-8")
    rng = Random(11)
    path = tmp_path / file
    for _ in range(12):
        path.write_text(changed(text, rng), encoding="utf-8")
        tried(REAL[file], path)


@needs_results
@pytest.mark.parametrize("file", sorted(REAL))
def test_a_real_file_cut_or_mangled_is_never_read_as_whole(file: str, tmp_path: Path) -> None:
    whole = (RESULTS / file).read_bytes()
    path = tmp_path / file
    path.write_bytes(whole)
    found = tried(REAL[file], path)
    assert found is not None
    have = len(found.samples)
    for share in (0.02, 0.3, 0.71, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        cut = tried(REAL[file], path)
        assert cut is None or (file.endswith(".jsonl") and len(cut.samples) < max(have, 1))
    for at in (0, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:at] + b"\xff\x00{" + whole[at + 3 :])
        assert tried(REAL[file], path) is None or have == 0 or file.endswith(".jsonl")


def test_a_text_cut_inside_a_character_is_kept_but_for_it(tmp_path: Path) -> None:
    def change(one: dict[str, dict[str, list[dict[str, object]]]]) -> None:
        one["requests"]["successful"][0]["output"] = "whole \U0001f600, half \ud83d"

    found = report(tmp_path, change)
    assert "whole \U0001f600, half \ufffd" in {sample.text for sample in found.samples}


@needs_results
def test_a_real_file_with_a_byte_order_mark_or_windows_ends_is_the_same(tmp_path: Path) -> None:
    whole = (RESULTS / "lm-eval-0.4.13-samples.jsonl").read_bytes()
    path = tmp_path / "samples_task_2026-01-01T00-00-00.jsonl"
    path.write_bytes(whole)
    plain = importer("lm_eval").read(path)
    path.write_bytes(whole.replace(b"\n", b"\r\n") + b"\r\n\r\n")
    assert importer("lm_eval").read(path).samples == plain.samples


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.json"
    path.mkdir()
    assert not importer("guidellm").detect(path)
    with pytest.raises(DataError, match="cannot be read"):
        importer("guidellm").read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("benchmarks: [", "no whole YAML"),
        ("benchmarks: 3", "not as GuideLLM writes it"),
        ("benchmarks: []", "holds no benchmark"),
        ("benchmarks: " + "[" * 5000, "nested too deeply|no whole YAML"),
    ],
)
def test_yaml_that_is_no_report_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "report.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        importer("guidellm").read(path)
    assert caught.value.where == str(path)


def test_a_report_with_nan_and_another_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"benchmarks": NaN, "metadata": 5}')
    with pytest.raises(DataError, match="not as GuideLLM writes it"):
        importer("guidellm").read(path)


def report(tmp_path: Path, change: object) -> Imported:
    content = json.loads(json.dumps(GUIDELLM))
    content["benchmarks"] = content["benchmarks"][:1]
    change(content["benchmarks"][0])  # type: ignore[operator]  # a function of the test
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    return importer("guidellm").read(path)


def test_guidellm_metric_of_another_shape_is_named(tmp_path: Path) -> None:
    def change(one: dict[str, dict[str, object]]) -> None:
        one["metrics"]["time_to_first_token_ms"] = {"successful": {"mean": "fast"}}

    with pytest.raises(DataError, match="not as GuideLLM writes it") as caught:
        report(tmp_path, change)
    assert "metrics.time_to_first_token_ms" in caught.value.where


def test_guidellm_load_without_a_counterpart_is_told(tmp_path: Path) -> None:
    def change(one: dict[str, dict[str, object]]) -> None:
        one["config"]["strategy"] = {"type_": "incremental"}

    found = report(tmp_path, change)
    assert found.benchmarks[0].load is None
    assert any("`incremental`, which has no counterpart" in note for note in found.notes)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("{cut", False),
        ("[]", False),
        ('{"body": "text"}', False),
        ('{"body": {"prompt": "say it"}}', True),
        (None, False),
    ],
)
def test_guidellm_case_is_known_by_its_prompt_where_there_is_one(
    asked: str | None, known: bool, tmp_path: Path
) -> None:
    def change(one: dict[str, dict[str, list[dict[str, object]]]]) -> None:
        for row in one["requests"]["successful"]:
            row["request_args"] = asked

    found = [sample for sample in report(tmp_path, change).samples if sample.ok]
    assert (found[0].case == found[1].case.partition("#")[0]) == known or not known
    assert len({(sample.case, sample.repeat) for sample in found}) == 2


def test_guidellm_requests_without_a_due_time_count_from_sending(tmp_path: Path) -> None:
    def change(one: dict[str, dict[str, list[dict[str, dict[str, dict[str, object]]]]]]) -> None:
        for rows in one["requests"].values():
            for row in rows:
                row["info"]["timings"]["targeted_start"] = None

    assert not any("meant to send" in note for note in report(tmp_path, change).notes)


@pytest.mark.parametrize(
    "endpoint", ["http://host:99999/v1", "http://[::1/v1", "ftp://host/x", "http://h/a b"]
)
def test_an_address_that_is_none_is_left_out(endpoint: str, tmp_path: Path) -> None:
    content = json.loads(json.dumps(OLD_GUIDELLM))
    content["benchmarks"][0]["worker"]["backend_target"] = endpoint
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(content))
    assert importer("guidellm").read(path).targets[0].endpoint is None


def lm_eval(tmp_path: Path, **fields: object) -> Imported:
    path = tmp_path / "samples_sums_2026-01-01T00-00-00.5.jsonl"
    path.write_text("\n\n".join(json.dumps(line | fields) for line in LM_EVAL_LINES))
    return importer("lm_eval").read(path)


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        ({"gen_args_0": {"arg_0": "plain question"}}, ["plain question"]),
        ([["plain question", {}]], ["plain question"]),
        ({"gen_args_0": {"arg_0": 7}}, []),
        ([], []),
        (None, []),
    ],
)
def test_lm_eval_question_is_kept_where_it_is_a_text(
    arguments: object, messages: list[str], tmp_path: Path
) -> None:
    found = lm_eval(tmp_path, arguments=arguments)
    case = found.cases[found.benchmarks[0].name][0]
    assert [message.content for message in case.messages] == messages


def test_lm_eval_task_without_logged_samples_is_told(tmp_path: Path) -> None:
    for file, text in FILES["lm_eval"].items():
        content = text
        if file.startswith("results"):
            parsed = json.loads(text)
            parsed["results"]["other"] = {"alias": "other", "acc,none": 0.25}
            content = json.dumps(parsed)
        (tmp_path / file).write_text(content)
    found = importer("lm_eval").read(tmp_path / next(iter(FILES["lm_eval"])))
    assert "other: its samples were not logged, so its numbers are lm-eval's own" in found.notes
    assert {one.benchmark for one in found.reported} == {"sums", "other"}


@pytest.mark.parametrize(
    ("phases", "load"),
    [
        ([{"kind": "profiling", "type": "poisson", "rate": 3.0}], {"kind": "poisson", "rate": 3.0}),
        ([{"kind": "warmup", "type": "concurrency", "concurrency": 8}], None),
        ([{"kind": "profiling", "type": "other"}], None),
        ([], None),
    ],
)
def test_aiperf_load_is_that_of_its_profiling(
    phases: list[dict[str, object]], load: dict[str, object] | None, tmp_path: Path
) -> None:
    for file, text in FILES["aiperf"].items():
        content = text
        if file.endswith(".json"):
            parsed = json.loads(text)
            parsed["input_config"]["phases"] = phases
            content = json.dumps(parsed)
        (tmp_path / file).write_text(content)
    assert importer("aiperf").read(tmp_path / next(iter(FILES["aiperf"]))).benchmarks[0].load == load


def one_file(name: str, folder: Path, **fields: object) -> Imported:
    (file, text), *_ = FILES[name].items()
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(json.dumps(json.loads(text) | fields))
    return importer(name).read(folder / file)


def test_genai_bench_of_a_rate_has_no_load_of_ours(tmp_path: Path) -> None:
    content = json.loads(next(iter(FILES["genai_bench"].values())))
    total = content["aggregated_metrics"] | {"iteration_type": "batch_size"}
    assert one_file("genai_bench", tmp_path, aggregated_metrics=total).benchmarks[0].load is None


@pytest.mark.parametrize("rate", [0, -1.0])
def test_vllm_rate_that_is_none_is_no_load(rate: float, tmp_path: Path) -> None:
    assert one_file("vllm_bench", tmp_path, request_rate=rate).benchmarks[0].load is None


def test_third_load_of_a_name_gets_a_number(tmp_path: Path) -> None:
    paths: list[Path] = []
    for place, concurrency in enumerate((1, 2, 3)):
        one_file(
            "vllm_bench", tmp_path / str(place), max_concurrency=concurrency, request_rate=float(place + 1)
        )
        paths += list((tmp_path / str(place)).iterdir())
    folder = import_files(paths, tmp_path / "runs")
    spec = yaml.safe_load((folder / "spec.yaml").read_text())
    names = [bench["name"] for bench in spec["benchmarks"]]
    assert len(names) == len(set(names)) == 3


def test_a_file_without_a_result_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    content = json.loads(next(iter(FILES["inference_perf"].values())))
    path.write_text(
        json.dumps({"load_summary": content["load_summary"], "successes": None, "failures": None})
    )
    with pytest.raises(DataError) as caught:
        import_files([path], tmp_path / "runs", tool="inference_perf")
    assert caught.value.where == str(path)
