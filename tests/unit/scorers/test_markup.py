import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.plugins import PluginError, create
from bakeoff.records import Case, Sample
from bakeoff.scorers.html_text import ContainsHtml, IsHtml
from bakeoff.scorers.xml_text import ContainsXml, IsXml

SAMPLE = Sample(benchmark="b", case="c", target="t", outcome="ok")
TWICE = "<r><i><n>1</n></i><i><n id='2'>2</n></i></r>"


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("<a/>", True),
        (" <?xml version='1.0'?><a><b c='d'>1</b></a> ", True),
        ("<!DOCTYPE a><a/>", True),
        ("<!-- c --><a><![CDATA[<x>]]></a>", True),
        ("<x:a xmlns:x='u'/>", True),
        ("<x:a/>", False),
        ("<a></b>", False),
        ("<a/><b/>", False),
        ("<a x=1/>", False),
        ("<a>&nbsp;</a>", False),
        ("text <a/>", False),
        ("", False),
        ("\ud800", False),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", False),
        ("<a>" * 100_000, False),
    ],
)
def test_xml_is_well_formed_or_not(grade, answer, passed):
    assert grade(IsXml(), answer).passed is passed


def test_entities_that_blow_up_are_never_expanded(grade):
    bomb = (
        "<!DOCTYPE a [<!ENTITY a 'x'>"
        + "".join(f"<!ENTITY a{i} '&a;&a;'>" for i in range(9))
        + "]><a>&a9;</a>"
    )
    assert "internal subset" in grade(IsXml(), bomb).reason
    assert not grade(ContainsXml(), bomb.replace("<a>", "<b>")).passed


@pytest.mark.parametrize(
    ("value", "passed"),
    [
        ("r", True),
        ("r.i.n", True),
        ("r.i.1.n", True),
        ("r.i.2.n", False),
        ("r.i.1.n.@_id", True),
        ("r.i.0.n.@_id", False),
        ("r.@_id.x", False),
        ("n", False),
        ("0.r", False),
        ("r.i.99999999999.n", False),
        (["r.i", "r.x"], False),
        ({"requiredElements": ["r.i"]}, True),
        ({}, True),
        ("r, r.i", True),
    ],
)
def test_required_elements_are_paths(grade, value, passed):
    assert grade(IsXml(value=value), TWICE).passed is passed
    assert grade(ContainsXml(value=value), f"so:\n```xml\n{TWICE}\n```").passed is passed


def test_a_prefix_is_part_of_the_name(grade):
    answer = "<x:a xmlns:x='u' x:k='v'/>"
    assert grade(IsXml(value=["x:a", "x:a.@_x:k"]), answer).passed
    assert not grade(IsXml(value="a"), answer).passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("so <a>1</a> it is", True),
        ("<p>x<br>y</p> <q>z</q>", True),
        ("a < b > c", False),
        ("no", False),
        ("<a>1</a", False),
        ("<a></b>", False),
        ("<x:a>&nbsp;</x:a>", True),
        ("<a b='>'>1</a>", True),
        ("<a>" * 100_000, False),
        ("<!--" * 50_000, False),
        ("<a x=1/>", False),
    ],
)
def test_xml_is_found_in_other_text(grade, answer, passed):
    assert grade(ContainsXml(), answer).passed is passed


def test_elements_side_by_side_count_together(grade):
    assert grade(ContainsXml(value=["name", "age"]), "<name>x</name> and <age>3</age>").passed
    assert "lacks" in grade(ContainsXml(value=["name", "size"]), "<name>x</name>").reason


def test_an_unknown_key_of_the_rules_is_refused():
    with pytest.raises(PluginError, match="requiredElements"):
        create("scorers", "is-xml", {"value": {"elements": ["a"]}})


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("<p>hi</p>", True),
        ("<p>hi", True),
        ("<P CLASS='x'>hi</P>", True),
        ("<!DOCTYPE html><html><head><title>T</title></head><body>text</body></html>", True),
        ("<body>text", True),
        ("<my-element>x</my-element>", True),
        ("<br>", True),
        ("<ul><li>a<li>b</ul>", True),
        ("<table><tr><td>a</td></tr></table>", True),
        ("<script>if (a<b) { '</p>' }</script>", True),
        ("<svg><path/><path/></svg>", True),
        ("<!-- c --><p>x</p>", True),
        ("<div>a</div></div>", True),
        ("<a href='x>y'>z</a>", True),
        ("<script>x", True),
        ("hi <p>x</p>", False),
        ("<p>x</p> hi", False),
        ("<p>a<div>b</div>c", False),
        ("<html>x</html>", False),
        ("<head>text</head>", False),
        ("<foo>x</foo>", False),
        ("<td>a</td>", False),
        ("<table>x<tr><td>a</td></tr></table>", False),
        ("<?xml version='1.0'?><p/>", False),
        ("<!DOCTYPE html>", False),
        ("<!-- c", False),
        ("<!-- c -->", False),
        ("plain", False),
        ("", False),
        ("1 < 2", False),
        ("<div class='a", False),
        ("</p>", False),
        ("<p>" * 100_000, True),
        ("</p>" * 100_000, False),
    ],
)
def test_html_from_end_to_end(grade, answer, passed):
    assert grade(IsHtml(), answer).passed is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("see <b>this</b>", True),
        ("<br/>", True),
        ("a &amp; b <!-- c -->", True),
        ("<!DOCTYPE html>", True),
        ("&amp;", False),
        ("<foo>", False),
        ("<foo>x</foo>", True),
        ("a < b and c > d", False),
        ("plain", False),
        ("", False),
        ("<a " * 100_000, True),
        ("<!--" * 100_000, False),
    ],
)
def test_two_signs_of_html_are_enough(grade, answer, passed):
    assert grade(ContainsHtml(), answer).passed is passed


@given(st.text(st.sampled_from("<>/!-?\"'= ab&;pr[]C")))
def test_any_markup_is_judged(answer):
    for scorer in (IsHtml(), ContainsHtml(), IsXml(value="a.b"), ContainsXml(value="a")):
        result = scorer.grade(answer, Case(), SAMPLE)
        assert result.passed is (result.value == 1.0)


@given(
    st.recursive(
        st.just(""),
        lambda inner: st.tuples(st.sampled_from("abc"), inner, inner).map(
            lambda t: f"<{t[0]}>{t[1]}</{t[0]}>{t[2]}"
        ),
    )
)
def test_balanced_elements_are_found_whole(inner):
    answer = f"so <r>{inner}</r> it is"
    assert ContainsXml(value="r").grade(answer, Case(), SAMPLE).passed
    assert IsXml().grade(answer[3:-6], Case(), SAMPLE).passed
