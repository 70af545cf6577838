"""Templates of promptfoo: what Jinja reads alike stays, everything else is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.spec.nunjucks import printed, translate
from bakeoff.templates import compile_template

SAME = [
    "plain",
    "{{name}} and {{ name }}",
    "{% if name %}a{% elif other %}b{% else %}c{% endif %}",
    "{% for x in items %}{{ x }}, {% endfor %}",
    "{{ name | upper | trim }} {{- name -}}",
    "{% set x = 1 %}{{ x }}",
    "{{ name.first }} {{ name['a b'] }}",
    "{% raw %}{{ x | odd }}{% endraw %}",
    "{# {{ x | odd }} #}",
    "{{ 'a | odd / 3' }}",
]


@pytest.mark.parametrize("text", SAME)
def test_what_means_the_same_stays(text):
    assert translate(text) == (text, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ x | dump }}", "the filter `dump`"),
        ("{{ x | default('y') }}", "the filter `default`"),
        ("{{ x | title | nl2br }}", "the filter `title`"),
        ("{% include 'a' %}", "the block `{% include %}`"),
        ("{% %}", "the block `{%  %}`"),
        ("{% if a === b %}x{% endif %}", "the operator `===`"),
        ("{% if a && b %}x{% endif %}", "the operator `&&`"),
        ("{{ a ? b : c }}", "the operator `?`"),
        ("{% if n == 1 %}x{% endif %}", "a comparison with a number"),
        ("{% if 3 < n %}x{% endif %}", "a comparison with a number"),
        ("{{ a / b }}", "a division"),
        ("{{ env.A | upper }}", "`env` inside an expression"),
        ("{{ true }}", "the constant `true`"),
        ("{{ none }}", "the constant `none`"),
    ],
)
def test_what_differs_is_refused_by_name(text, problem):
    assert problem in translate(text)[1]


def test_variables_of_the_environment_become_those_of_a_spec():
    assert translate("{{ env.NAME }} {{env['KEY']}} ${x}") == ("${NAME} ${KEY} $${x}", [])


@pytest.mark.parametrize("text", ["a {{ b", "a {% if", "a {# b"])
def test_an_open_tag_is_text_as_promptfoo_has_it(text):
    whole, problems = translate(text)
    assert problems == []
    assert compile_template(whole, "")({}) == text


def test_printed_names():
    assert printed("{{a}} {{ b | upper }} {{-c-}} {{ d.e }} {{a}} {% if f %}{% endif %}{# {{g}} #}") == [
        "a",
        "b",
        "c",
    ]


@given(st.text())
def test_no_text_crashes(text):
    whole, problems = translate(text)
    assert whole.replace("$${", "${") or not text
    assert len(set(problems)) == len(problems)
