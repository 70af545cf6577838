"""Local forms of two public tasks for lm-eval, on the shared test data."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("BAKEOFF_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")

GSM8K = """
task: gsm8k_local
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
num_fewshot: 2
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "{{{{answer.split('####')[-1].strip()}}}}"
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true}}
generation_kwargs: {{until: ["\\n", "."], max_gen_toks: 64, do_sample: false}}
filter_list:
  - name: strict-match
    filter: [{{function: regex, regex_pattern: "^ ?(\\\\-?[0-9\\\\.\\\\,]+)"}}, {{function: take_first}}]
  - name: flexible-extract
    filter:
      - {{function: regex, group_select: -1, regex_pattern: "(-?[$0-9.,]{{2,}})|(-?[0-9]+)"}}
      - {{function: take_first}}
metadata: {{version: 1.0}}
"""
HELLASWAG = """
task: hellaswag_local
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
doc_to_choice: "{{{{choices}}}}"
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
metadata: {{version: 1.0}}
"""


def write_task(folder: Path, text: str, file: str) -> Path:
    """Write a task over a file of the shared data, and return the folder for `include_path`."""
    data = DATA / file
    if not data.is_file():
        pytest.skip(f"needs the shared test data ({file})")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{Path(file).stem}.yaml").write_text(text.format(data=data))
    return folder


QUIZ = """
task: quiz
dataset_path: json
dataset_kwargs: {data_files: {test: quiz.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "Q: {{question}}\\nA:"
doc_to_target: "{{answer}}"
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
generation_kwargs: {until: ["\\n"], max_gen_toks: 9, do_sample: false}
filter_list:
  - {name: strict, filter: [{function: regex, regex_pattern: "^(\\\\d+)$"}, {function: take_first}]}
  - {name: loose, filter: [{function: regex, regex_pattern: "(\\\\d+)"}, {function: take_first}]}
metadata: {version: 2.0}
"""


def write_quiz(folder: Path, extra: str = "") -> Path:
    """Write a small task with eight questions, and return its folder; `extra` goes over its own keys."""
    keys = {line.partition(":")[0] for line in extra.splitlines() if line[:1].isalpha()}
    kept: list[str] = []
    skipping = False
    for line in QUIZ.splitlines():
        if line[:1].isalpha():
            skipping = line.partition(":")[0] in keys
        if not skipping:
            kept.append(line)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "quiz.yaml").write_text("\n".join(kept) + "\n" + extra)
    rows = [f'{{"question": "{n} + {n}?", "answer": "{2 * n}"}}\n' for n in range(1, 9)]
    (folder / "quiz.jsonl").write_text("".join(rows))
    return folder
