"""The JSON schema for editors."""

import json

import pytest

from bakeoff.records import ModelSpec, Spec
from bakeoff.spec import schema


@pytest.fixture
def made(catalog):
    return schema(catalog)


def test_it_is_json_and_every_reference_is_defined(made):
    text = json.dumps(made)
    wanted = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert wanted <= set(made["$defs"])
    assert made["$ref"] == "#/$defs/Spec"


def test_every_key_of_the_records_stands_in_it(made):
    assert list(made["$defs"]["Spec"]["properties"]) == list(Spec.__struct_fields__)
    assert list(made["$defs"]["ModelSpec"]["properties"]) == list(ModelSpec.__struct_fields__)
    assert made["$defs"]["ModelSpec"]["required"] == ["name"]
    assert made["$defs"]["ModelSpec"]["additionalProperties"] is False


def test_choices_hold_the_options_of_each_implementation(made):
    name, *forms = made["$defs"]["loads"]["anyOf"]
    assert name == {"type": "string", "enum": ["concurrent", "poisson"]}
    poisson = next(form for form in forms if form["properties"]["kind"] == {"const": "poisson"})
    assert poisson["required"] == ["kind", "rate"]
    assert {"rate", "requests", "warmup"} <= set(poisson["properties"])


def test_what_cannot_be_imported_is_left_out(made):
    assert made["$defs"]["scorers"]["anyOf"][0]["enum"] == [
        "exact",
        "not-exact",
        "lm_eval",
        "not-lm_eval",
        "words",
        "not-words",
    ]


def test_every_scorer_may_be_negated_weighted_and_transformed(made):
    forms = made["$defs"]["scorers"]["anyOf"][1:]
    assert forms[0]["properties"]["type"] == {"enum": ["exact", "not-exact"]}
    assert all({"weight", "transform"} <= set(form["properties"]) for form in forms)


def test_short_forms_are_allowed(made):
    benchmark = made["$defs"]["BenchmarkSpec"]
    assert benchmark["required"] == ["name"]
    assert {"required": ["synthetic"]} in benchmark["oneOf"]
    assert {"type": "string"} in benchmark["properties"]["prompt"]["anyOf"]


def test_durations_may_be_texts(made):
    connect = made["$defs"]["TimeoutSpec"]["properties"]["connect"]
    assert {"number", "string"} <= {form.get("type") for form in connect["anyOf"]}
    assert connect["default"] == 10.0
