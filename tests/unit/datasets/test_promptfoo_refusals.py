"""What a promptfoo test cannot mean here is refused with its place."""

import pytest

from bakeoff.errors import DataError

WRONG = [
    ({"tests": [{"vars": {"assert": "x"}}]}, "a variable is named `assert`"),
    ({"tests": [{"vars": {"messages": "x"}}]}, "a variable is named `messages`"),
    ({"tests": [{"vars": {"__x": "x"}}]}, "a variable is named `__x`"),
    ({"tests": [{"vars": 3}]}, "`vars` of a test must be a mapping"),
    ({"tests": [{"vars": {}, "assert": {"type": "x"}}]}, "`assert` of a test must be a list"),
    ({"tests": [{"assert": ["x"]}]}, "an assertion needs a `type`"),
    ({"tests": [3]}, "a test must be a mapping"),
    ({"tests": ["gone.yaml"]}, "there is no file `gone.yaml`"),
    ({"tests": ["/gone.yaml"]}, "there is no file `/gone.yaml`"),
    ({"tests": "https://docs.example.com/x"}, "lies outside this machine"),
    ({"tests": "make.py"}, "is a program that makes tests"),
    ({"tests": ["file://make.py:fn"]}, "is a program that makes tests"),
    ({"tests": "a.xlsx#Sheet"}, "is a workbook"),
    ({"tests": "promptfooconfig.txt"}, "there is no file"),
    ({"tests": [{"provider": "x"}]}, "`provider` of a test is not available here"),
    ({"tests": [{"options": {"transformVars": "x"}}]}, "`options.transformVars` of a test is not available"),
    (
        {"tests": [{"assert": [{"type": "is-json"}], "threshold": "x"}]},
        "the `threshold` of a test must be a number",
    ),
    ({"tests": [{"options": {"prefix": "{{a}}"}}]}, "the `prefix` of a test holds a template"),
    ({"tests": [{"assert": [{"$ref": "#/gone"}]}]}, "leads to nothing"),
    ({"tests": [{"assert": [{"$ref": "other.yaml"}]}]}, "leads to nothing"),
    ({"a": {"$ref": "#/a"}, "tests": [{"assert": [{"$ref": "#/a"}]}]}, "leads to nothing"),
    ({"scenarios": ["file://s.yaml"]}, "a scenario is a mapping"),
    ({"tests": []}, "holds no test"),
    (
        {"tests": [{"assert": [{"type": "is-json", "transform": "a"}], "options": {"transform": "b"}}]},
        "`is-json` has a `transform`, and so have",
    ),
]


@pytest.mark.parametrize(("config", "said"), WRONG)
def test_what_cannot_be_kept_is_refused_with_its_place(cases, config, said):
    with pytest.raises(DataError, match=said) as caught:
        cases(config | ({"scenarios": []} if config == {"tests": []} else {}))
    assert "promptfooconfig.yaml" in caught.value.where


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is no YAML"),
        ("- a\n", "is no promptfoo configuration"),
        ("", "is no promptfoo configuration"),
        ("a: \x01", "is no YAML"),
        ("prompts: x\ntests: &a [*a]\n", "nested too deeply"),
        ("prompts: x\ntests: [{vars: {a: !!python/object:x {}}}]\n", "cannot be read"),
    ],
)
def test_a_broken_file_says_where(cases, text, said):
    with pytest.raises(DataError, match=said):
        cases(text)


def test_tests_of_an_unknown_kind_of_file(cases):
    with pytest.raises(DataError, match=r"tests cannot be read from `t\.md`"):
        cases({"tests": "t.md"}, {"t.md": "x"})


def test_files_of_variables_must_be_mappings(cases):
    with pytest.raises(DataError, match="must be a mapping of variables"):
        cases({"tests": [{"vars": "v.yaml"}]}, {"v.yaml": "- 1"})


def test_an_empty_file_of_tests_has_none(cases):
    with pytest.raises(DataError, match="holds no test"):
        cases({"tests": ["e.yaml"], "scenarios": []}, {"e.yaml": ""})


def test_a_list_has_no_block(cases):
    with pytest.raises(DataError, match="is no promptfoo configuration"):
        cases("- a\n", key="promptfoo")


def test_an_empty_file_is_an_empty_variable(cases):
    (found,) = cases({"tests": [{"vars": {"a": "file://e.yaml"}}]}, {"e.yaml": ""})
    assert found.fields["a"] == "null"
