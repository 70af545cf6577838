"""Tests of a promptfoo configuration become the cases that promptfoo itself would ask."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.errors import DataError
from bakeoff.records import Case


def variables(found: list[Case]) -> list[dict[str, Any]]:
    return [
        {k: v for k, v in case.fields.items() if k != "assert" and not k.startswith("__")} for case in found
    ]


def test_lists_of_texts_become_one_case_per_combination(cases):
    found = cases({"tests": [{"vars": {"a": ["1", "2"], "b": ["x", "y"], "c": "z"}}]})
    assert variables(found) == [
        {"a": "1", "b": "x", "c": "z"},
        {"a": "1", "b": "y", "c": "z"},
        {"a": "2", "b": "x", "c": "z"},
        {"a": "2", "b": "y", "c": "z"},
    ]


NAMES = st.sampled_from(["a", "b", "c", "d"])
TEXTS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=4).map(
    lambda t: f"v{t}"
)


@given(st.dictionaries(NAMES, st.one_of(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_there_is_a_case_for_every_combination_and_no_other(cases, given_vars):
    found = cases({"tests": [{"vars": given_vars}]})
    lists = [value if isinstance(value, list) else [value] for value in given_vars.values()]
    assert [tuple(row.values()) for row in variables(found)] == list(itertools.product(*lists))
    assert len({case.id for case in found}) == len(found)


@given(st.permutations(["a", "b", "c"]))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_ids_do_not_depend_on_the_order_of_keys(cases, order):
    found = cases({"tests": [{"vars": {name: f"v{name}" for name in order}}]})
    assert [case.id for case in found] == ["bbfa1ba9ea61"]


def test_ids_do_not_depend_on_assertions_and_differ_for_equal_tests(cases):
    test = {"vars": {"a": "1"}}
    found = cases({"tests": [test, test | {"assert": [{"type": "equals", "value": "x"}]}]})
    assert found[1].id == f"{found[0].id}-2"


def test_a_list_that_does_not_begin_with_text_is_one_value(cases):
    found = cases({"tests": [{"vars": {"a": [1, 2], "b": [], "c": [{"k": "v"}]}}]})
    assert variables(found) == [{"a": [1, 2], "b": [], "c": [{"k": "v"}]}]


def test_expansion_can_be_switched_off(cases):
    found = cases({"tests": [{"vars": {"a": ["1", "2"]}, "options": {"disableVarExpansion": True}}]})
    assert variables(found) == [{"a": ["1", "2"]}]


def test_what_a_test_lacks_is_an_empty_text(cases):
    found = cases({"tests": [{"vars": {"a": "1"}}, {"vars": {"b": None}}]})
    assert variables(found) == [{"a": "1", "b": ""}, {"a": "", "b": ""}]


def test_variables_stand_in_each_other_a_few_times(cases):
    found = cases(
        {
            "tests": [
                {"vars": {"a": "<{{ b }}>", "b": "({{c}})", "c": 2.0, "d": "{{e}}", "t": "{{f}}", "f": True}}
            ]
        }
    )
    assert variables(found) == [{"a": "<(2)>", "b": "(2)", "c": 2, "d": "{{e}}", "t": "true", "f": True}]


def test_variables_that_need_each_other_in_a_circle_are_refused(cases):
    with pytest.raises(DataError, match="the variable `a` holds a template"):
        cases({"tests": [{"vars": {"a": "{{b}}", "b": "{{a}}"}}]})


@pytest.mark.parametrize("value", ["{{ name | upper }}", "{% if name %}x{% endif %}", "{{ env.HOME }}"])
def test_a_template_in_a_variable_is_refused(cases, value):
    with pytest.raises(DataError, match="the variable `a` holds a template") as caught:
        cases({"tests": [{"vars": {"name": "x", "a": value}}]})
    assert caught.value.where.endswith("promptfooconfig.yaml:4")


def test_braces_that_name_no_variable_are_data(cases):
    text = "a {{ b }} {% c %} {{ d | e }}"
    assert variables(cases({"tests": [{"vars": {"a": text}}]})) == [{"a": text}]


def test_files_are_read_by_their_kind(cases, tmp_path):
    (tmp_path / "p.png").write_bytes(b"\x89PNG")
    files = {"t.txt": " text \n", "d.yaml": "k: [1, two]", "n/1.txt": "one", "n/2.txt": "two"}
    test = {"t": "file://t.txt", "d": "file://d.yaml", "p": "file://p.png", "n": "file://n/*.txt"}
    first, second = variables(cases({"tests": [{"vars": test}]}, files))
    assert first == {"t": "text", "d": '{"k":[1,"two"]}', "p": "data:image/png;base64,iVBORw==", "n": "one"}
    assert second["n"] == "two"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("file://gone.txt", "there is no such file"),
        ("file://gone.png", "cannot be read"),
        ("file://*.gone", "no file matches `file://"),
        ("file://make.py", "comes from a program"),
        ("package:x:y", "comes from a program"),
        ("file://a.pdf", "is a file that is not read here"),
        ("file://a.mp3", "is a file that is not read here"),
    ],
)
def test_a_file_that_cannot_be_a_variable_is_refused(cases, value, said):
    with pytest.raises(DataError, match=said):
        cases({"tests": [{"vars": {"a": value}}]})


def test_default_test_stands_behind_each_test(cases):
    found = cases(
        {
            "defaultTest": {
                "vars": {"a": "0", "b": "0"},
                "assert": [{"type": "is-json"}],
                "metadata": {"category": "c", "owner": "o"},
                "threshold": 0.5,
            },
            "tests": [
                {
                    "vars": {"b": "1"},
                    "assert": [{"type": "equals", "value": "x"}],
                    "metadata": {"category": "d"},
                },
                {"vars": {"b": "2"}, "options": {"disableDefaultAsserts": True}, "threshold": 1},
            ],
        }
    )
    assert variables(found) == [{"a": "0", "b": "1"}, {"a": "0", "b": "2"}]
    both = [{"type": "is-json"}, {"type": "equals", "value": "x"}]
    assert found[0].fields["assert"] == [{"type": "assert-set", "threshold": 0.5, "assert": both}]
    assert found[1].fields["assert"] == []
    assert [case.slices for case in found] == [{"category": "d"}, {"category": "c"}]
    assert found[0].fields["__metadata"] == {"category": "d", "owner": "o"}


def test_options_go_into_each_assertion(cases):
    found = cases(
        {
            "defaultTest": {
                "options": {
                    "transform": "output.trim()",
                    "provider": "openai:chat:judge",
                    "rubricPrompt": "p",
                }
            },
            "tests": [
                {
                    "assert": [
                        {"type": "equals", "value": "x"},
                        {
                            "type": "assert-set",
                            "assert": [{"type": "llm-rubric", "value": "r", "provider": "own"}],
                        },
                    ]
                }
            ],
        }
    )
    assert found[0].fields["assert"] == [
        {"type": "equals", "value": "x", "transform": "output.trim()"},
        {
            "type": "assert-set",
            "assert": [
                {
                    "type": "llm-rubric",
                    "value": "r",
                    "provider": "own",
                    "rubricPrompt": "p",
                    "transform": "output.trim()",
                }
            ],
        },
    ]


def test_references_are_looked_up(cases):
    found = cases(
        {
            "templates": {"long": {"type": "word-count", "value": {"min": {"$ref": "#/least"}}}},
            "least": 3,
            "tests": [{"vars": {"a": "1"}, "assert": [{"$ref": "#/templates/long"}]}],
        }
    )
    assert found[0].fields["assert"] == [{"type": "word-count", "value": {"min": 3}}]


def test_scenarios_cross_their_rows_with_their_tests(cases):
    found = cases(
        {
            "tests": [{"vars": {"a": "plain"}}],
            "scenarios": [
                {
                    "config": [
                        {"vars": {"a": "1"}, "assert": [{"type": "is-json"}]},
                        {"vars": {"a": "2", "b": "own"}},
                    ],
                    "tests": [{"vars": {"b": "x"}, "assert": [{"type": "is-xml"}]}, {"vars": {"c": "y"}}],
                }
            ],
        }
    )
    assert variables(found) == [
        {"a": "plain", "b": "", "c": ""},
        {"a": "1", "b": "x", "c": ""},
        {"a": "1", "b": "", "c": "y"},
        {"a": "2", "b": "x", "c": ""},
        {"a": "2", "b": "own", "c": "y"},
    ]
    assert [len(case.fields["assert"]) for case in found] == [0, 2, 1, 1, 0]


def test_scenarios_alone_have_no_other_test(cases):
    found = cases({"scenarios": [{"config": [{"vars": {"a": "1"}}]}]})
    assert variables(found) == [{"a": "1"}]


def test_prompts_without_tests_are_asked_once(cases):
    found = cases({"defaultTest": {"vars": {"a": "1"}}})
    assert variables(found) == [{"a": "1"}]


def test_tests_stand_in_files_of_every_kind(cases):
    files = {
        "t.csv": 'a,__expected,__description\n"1,2",contains:x,first\n',
        "t.json": '[{"vars": {"a": "j"}}]',
        "t.jsonl": '{"vars": {"a": "l"}}\n',
        "more/1.yaml": "- vars: {a: y1}\n- vars: {a: y2}\n",
        "more/2.yml": "vars: {a: y3}\n",
    }
    given_tests = ["file://t.csv", "t.json", {"path": "file://t.jsonl"}, "more/*", {"vars": {"a": "own"}}]
    found = cases({"tests": given_tests}, files)
    assert [row["a"] for row in variables(found)] == ["1,2", "j", "l", "y1", "y2", "y3", "own"]
    assert found[0].fields["assert"] == [{"type": "contains", "value": "x"}]
    assert found[0].fields["__description"] == "first"
    assert [case.line for case in found] == [0, 0, 0, 0, 0, 0, 8]


def test_a_name_alone_and_a_default_test_in_a_file(cases):
    files = {"t.csv": "a\n1\n", "d.yaml": "vars: {b: '2'}\n"}
    assert variables(cases({"tests": "t.csv", "defaultTest": "file://d.yaml"}, files)) == [
        {"b": "2", "a": "1"}
    ]


def test_variables_of_a_test_stand_in_files(cases):
    files = {"v1.yaml": "a: one", "v2.yaml": "b: two"}
    assert variables(cases({"tests": [{"vars": ["v1.yaml", "v2.yaml"]}]}, files)) == [
        {"a": "one", "b": "two"}
    ]
    assert variables(cases({"tests": [{"vars": "v1.yaml"}]}, files)) == [{"a": "one"}]


def test_only_the_tests_of_a_prompt(cases):
    tests = [
        {"vars": {"a": "1"}, "prompts": ["one"]},
        {"vars": {"a": "2"}, "prompts": "gro*"},
        {"vars": {"a": "3"}},
        {"vars": {"a": "4"}, "prompts": ["group"]},
    ]
    assert [row["a"] for row in variables(cases({"tests": tests}, prompt="one"))] == ["1", "3"]
    assert [row["a"] for row in variables(cases({"tests": tests}, prompt="group:b"))] == ["2", "3", "4"]
    assert len(cases({"tests": tests})) == 4


def test_prefix_and_suffix_are_filled_up(cases):
    tests = [{"vars": {"a": "1"}, "options": {"prefix": "p "}}, {"vars": {"a": "2"}}]
    found = cases({"tests": tests})
    assert [case.fields["__prefix"] for case in found] == ["p ", ""]


def test_a_block_of_another_file_is_read_by_its_key(cases):
    text = "models: []\npromptfoo:\n  prompts: [x]\n  tests:\n    - vars: {a: '1'}\n"
    found = cases(text, key="promptfoo")
    assert variables(found) == [{"a": "1"}]
    assert found[0].line == 5


def test_yaml_is_read_as_promptfoo_reads_it(cases):
    text = "{a: yes, b: 010, c: 12:30, d: 2024-01-02, e: 0x1F, f: 1e3, g: true, h: ~, i: -0o7}"
    assert variables(cases(f"prompts: [x]\ntests:\n- vars: {text}\n")) == [
        {
            "a": "yes",
            "b": 10,
            "c": "12:30",
            "d": "2024-01-02",
            "e": 31,
            "f": 1000,
            "g": True,
            "h": "",
            "i": -7,
        }
    ]


def test_empty_tests_of_null_are_no_tests(cases):
    assert variables(cases({"tests": None, "defaultTest": {"vars": {"a": "1"}}})) == [{"a": "1"}]
