"""A template that somebody sent ends, and does not fill the memory; one that somebody means is rendered."""

import resource
import time
from typing import Any

import pytest

from bakeoff.errors import TemplateError
from bakeoff.templates import compile_template

FIELDS: dict[str, Any] = {"q": "one two", "rows": [{"x": n} for n in range(1000)], "big": "a" * 1_000_000}


def rendered(source: str, fields: dict[str, Any] | None = None) -> str:
    return compile_template(source, "benchmarks[0].prompt")(FIELDS if fields is None else fields)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in rows %}{% for b in rows %}{% for c in rows %}.{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in [1] recursive %}{{ loop([1, 2]) }}{{ loop([1, 2]) }}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% macro d(x) %}{{ x }}{{ x }}{% endmacro %}" + "{{ " + "d(" * 60 + "q" + ")" * 60 + " }}",
        "{% block a %}{% if true %}{{ self.a() }}{{ self.a() }}{% endif %}{% endblock %}",
        "{% set n = namespace(x=q) %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x=q) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n=namespace(x=q) %}{% for i in range(50) %}{% set n.x %}{{ n.x*2 }}{% endset %}{% endfor %}",
        "{% set n = namespace(x=3) %}{% for i in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}",
        "{{ 10 ** (10 ** 8) }}",
        "{{ 'a' * 10 ** 9 }}",
        "{{ 10 ** 9 * [1] }}",
        "{{ big | replace('a', big) }}",
        "{{ big.replace('a', big) }}",
        "{{ big | list | join(big) }}",
        "{{ big.join(big) }}",
        "{{ big.translate({97: big}) }}",
        "{{ q.center(10 ** 9) }}",
        "{{ q | center(10 ** 9) }}",
        "{{ q.zfill(10 ** 9) }}",
        "{{ ('\n' * 100000) | indent(100000) }}",
        "{{ [1] | batch(10 ** 9, 1) | list }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ '%.*f' % (1000000000, 1.0) }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ '{:>{}}'.format(1, 1000000000) }}",
        "{{ '{x:>1000000000}'.format_map({'x': 1}) }}",
        "{{ '%1000000000d' | format(1) }}",
        "{% for i in range(99999) %}{{ 'b' in big }}{% endfor %}",
        "{% for i in range(99999) %}{% if big == big ~ '' %}{% endif %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = big[1:] %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = rows | map(attribute='x') | list %}{% endfor %}",
        "{% for i in range(99999) %}{{ rows is iterable }}{{ 'z' is in(big) }}{% endfor %}",
        "{{ rows | map(attribute='x') | map('list') | sum(start=[1]) }}",
        "{{ lipsum(100000) }}",
    ],
)  # fmt: skip
def test_a_template_without_an_end_is_refused(source: str):
    before = resource.getrusage(resource.RUSAGE_SELF)
    with pytest.raises(TemplateError, match=r"large|lipsum|`sum`|width|recursion"):
        rendered(source)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime - before.ru_utime < 20
    assert after.ru_maxrss < 3_000_000  # KiB


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ q }}", "one two"),
        ("{{ q ~ '!' ~ 1 }}", "one two!1"),
        ("{% for row in rows[:3] %}{{ loop.index }}={{ row.x }};{% endfor %}", "1=0;2=1;3=2;"),
        ("{% for row in rows if row.x < 2 %}{{ row.x }}{% else %}none{% endfor %}", "01"),
        ("{{ rows | map(attribute='x') | sum }}", "499500"),
        ("{{ [1, 2, 3] | sum(start=0.5) }}", "6.5"),
        ("{{ q | replace(' ', '-') | upper }}", "ONE-TWO"),
        ("{{ q.split() | join(', ') }}", "one, two"),
        ("{{ ', '.join(q.split()) }}", "one, two"),
        ("{{ '%05.1f|%s' % (2.25, q) }}", "002.2|one two"),
        ("{{ '{:,}'.format(1234567890) }}", "1,234,567,890"),
        ("{{ '{:>8}'.format(q) }}", " one two"),
        ("{{ '%s is %d' | format(q, 3) }}", "one two is 3"),
        ("{{ q | center(11) }}", "  one two  "),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{{ [1, 2, 3] | batch(2) | list }}", "[[1, 2], [3]]"),
        ("{{ 'two' in q and q == 'one two' and 3 < 4 }}", "True"),
        ("{{ 2 ** 10 }} {{ 7 % 4 }} {{ 'ab' * 2 }} {{ 6 * 7 }}", "1024 3 abab 42"),
        ("{% macro m(x, n=2) %}<{{ x }}{{ n }}>{% endmacro %}{{ m(1) }}{{ m(2, n=3) }}", "<12><23>"),
        ("{% for n in [1, [2, [3]]] recursive %}{{ loop(n) if n is sequence else n }}{% endfor %}", "123"),
        ("{% set x %}{{ q }}{% endset %}{{ x | length }}", "7"),
        ("{% filter upper %}{{ q }}{% endfilter %}", "ONE TWO"),
        ("{{ q | tojson }}", '"one two"'),
        ("{{ ['x', 'y'] | lettered }}", "A. x\nB. y"),
        ("{{ (big ~ big) | length }}", "2000000"),
        ("{{ rows | selectattr('x', 'divisibleby', 500) | map(attribute='x') | list }}", "[0, 500]"),
    ],
)  # fmt: skip
def test_a_template_that_somebody_means_is_rendered(source: str, text: str):
    assert rendered(source) == text


def test_each_rendering_has_its_own_bound():
    render = compile_template("{% for row in rows %}{{ row.x }}{% endfor %}", "")
    assert len({render(FIELDS) for _ in range(500)}) == 1


def test_a_refused_rendering_says_where():
    source = "first\n{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    began = time.process_time()
    with pytest.raises(TemplateError) as caught:
        rendered(source)
    assert "benchmarks[0].prompt line 2" in str(caught.value)
    assert time.process_time() - began < 20
