"""What CI systems show: JUnit XML by its usual shape, and a summary in Markdown."""

from pathlib import Path

import msgspec
import pytest
from lxml import etree

from bakeoff import plugins
from bakeoff.records import Comparison, Constraint, Estimate, Results, TargetResult, Verdict
from bakeoff.testing.contracts.exporters import make_run, samples

SCHEMA = etree.XMLSchema(
    etree.XML(b"""
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="testsuites"><xs:complexType><xs:sequence>
    <xs:element ref="testsuite" minOccurs="1" maxOccurs="unbounded"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:simpleType name="moment"><xs:restriction base="xs:dateTime">
    <xs:pattern value="[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"/>
  </xs:restriction></xs:simpleType>
  <xs:element name="testsuite"><xs:complexType>
    <xs:sequence>
      <xs:element name="properties"><xs:complexType><xs:sequence>
        <xs:element name="property" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
          <xs:attribute name="name" type="xs:token" use="required"/>
          <xs:attribute name="value" type="xs:string" use="required"/>
        </xs:complexType></xs:element>
      </xs:sequence></xs:complexType></xs:element>
      <xs:element name="testcase" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
        <xs:sequence>
          <xs:choice minOccurs="0">
            <xs:element name="skipped" type="told"/>
            <xs:element name="error" type="broken"/>
            <xs:element name="failure" type="broken"/>
          </xs:choice>
          <xs:element name="system-out" type="xs:string" minOccurs="0"/>
        </xs:sequence>
        <xs:attribute name="name" type="xs:token" use="required"/>
        <xs:attribute name="classname" type="xs:token" use="required"/>
        <xs:attribute name="time" type="xs:decimal" use="required"/>
      </xs:complexType></xs:element>
      <xs:element name="system-out" type="xs:string"/>
      <xs:element name="system-err" type="xs:string"/>
    </xs:sequence>
    <xs:attribute name="id" type="xs:int" use="required"/>
    <xs:attribute name="package" type="xs:token" use="required"/>
    <xs:attribute name="name" type="xs:token" use="required"/>
    <xs:attribute name="timestamp" type="moment" use="required"/>
    <xs:attribute name="hostname" type="xs:token" use="required"/>
    <xs:attribute name="tests" type="xs:int" use="required"/>
    <xs:attribute name="failures" type="xs:int" use="required"/>
    <xs:attribute name="errors" type="xs:int" use="required"/>
    <xs:attribute name="skipped" type="xs:int"/>
    <xs:attribute name="time" type="xs:decimal" use="required"/>
  </xs:complexType></xs:element>
  <xs:complexType name="told"><xs:attribute name="message" type="xs:string"/></xs:complexType>
  <xs:complexType name="broken"><xs:simpleContent><xs:extension base="xs:string">
    <xs:attribute name="message" type="xs:string"/>
    <xs:attribute name="type" type="xs:string" use="required"/>
  </xs:extension></xs:simpleContent></xs:complexType>
</xs:schema>""")
)
"""The elements and attributes on which the readers of JUnit files agree, in their order."""

ODD = 'a <b> | "c" & `d`\u202e\x00'


def rule(
    target: str, state: str, chance: float | None = None, name: str = "b.accuracy at least 80%"
) -> Constraint:
    return Constraint(
        target=target, name=name, state=state, text=f"{target} is {state}: {ODD}", chance=chance
    )


def difference(metric: str = "b.accuracy", value: float | None = 0.13, **fields: object) -> Comparison:
    known = {"a": "one", "b": "two", "low": 0.05, "high": 0.2, "p": 0.01, "p_adjusted": 0.0004, "n": 1200}
    return Comparison(**(known | {"metric": metric, "difference": value, "test": "exact McNemar"} | fields))


def results(state: str = "fail", **fields: object) -> Results:
    metrics = {
        "b.accuracy": Estimate(value=0.9, unit="share", n=50, low=0.8),
        "b.accuracy@k=1": Estimate(value=0.9, unit="share", n=5),
        "b.cost": Estimate(value=None, unit="USD", n=0),
    }
    known = {
        "run": "20260101-000000-a-0000",
        "name": ODD,
        "plan_hash": "p" * 64,
        "rule_hash": "r" * 64,
        "targets": [
            TargetResult(name=name, model="m", engine=None, metrics=metrics, outcomes={})
            for name in ("one", "two")
        ],
        "comparisons": [difference(), difference("b.accuracy@k=1")],
        "verdict": Verdict(
            state=state,
            choice=None,
            tied=["one", "two"],
            sentence=f"No target meets the rules {ODD}.",
            reasons=[rule("one", "missed").text, "a reason of its own"],
            constraints=[
                rule("one", "missed", 0.00001),
                rule("one", "met", 0.9999, name="load latency target"),
                rule("two", "open", 0.5),
                rule("two", "met", 0.0, name="load latency target"),
            ],
            surer=["100 more cases"],
        ),
    }
    return Results(**(known | fields))


def written(name: str, told: Results, folder: Path) -> Path:
    run = msgspec.structs.replace(make_run(samples()), results=told)
    (path,) = plugins.create("exporters", name, {}).write(run, folder)
    return path


def junit(told: Results, folder: Path) -> dict[str, etree._Element]:
    root = etree.parse(written("junit", told, folder)).getroot()
    SCHEMA.assertValid(root)
    return {str(suite.get("name")): suite for suite in root}


def test_each_target_is_a_suite_and_each_rule_a_case(tmp_path):
    suites = junit(results(), tmp_path)
    assert list(suites) == ["one", "two", "verdict"]
    counts = [
        [suite.get(key) for key in ("tests", "failures", "errors", "skipped")] for suite in suites.values()
    ]
    assert counts == [["2", "1", "0", "0"], ["2", "0", "0", "1"], ["1", "1", "0", "0"]]
    cases = {case.get("name"): [part.tag for part in case] for case in suites["one"].iter("testcase")}
    assert cases == {
        "b.accuracy at least 80%": ["failure", "system-out"],
        "load latency target": ["system-out"],
    }
    (failure,) = suites["one"].iter("failure")
    assert (failure.text or "").startswith("one is missed: a <b>")


def test_numbers_are_properties_and_slices_are_left_out(tmp_path):
    suites = junit(results(), tmp_path)
    facts = {each.get("name"): each.get("value") for each in suites["one"].iter("property")}
    assert facts == {
        "model": "m",
        "b.accuracy": "0.9",
        "b.accuracy.low": "0.8",
        "b.accuracy.n": "50",
        "b.accuracy at least 80%.chance": "1e-05",
        "load latency target.chance": "0.9999",
    }
    facts = {each.get("name"): each.get("value") for each in suites["verdict"].iter("property")}
    assert facts["rule_hash"] == "r" * 64
    assert facts["b.accuracy: one minus two"] == "0.13"
    assert not any("@" in str(name) for name in facts)


@pytest.mark.parametrize(
    ("state", "tag"), [("pass", None), ("fail", "failure"), ("inconclusive", "skipped"), ("invalid", "error")]
)
def test_the_verdict_is_a_case_of_its_own(tmp_path, state, tag):
    suite = junit(results(state), tmp_path)["verdict"]
    (case,) = suite.iter("testcase")
    assert [part.tag for part in case] == [*([tag] if tag else []), "system-out"]
    assert "100 more cases" in str(case.findtext("system-out"))


def test_without_any_rule_the_verdict_is_still_told(tmp_path):
    bare = Verdict(state="pass", choice="one", tied=[], sentence="Run one.")
    suites = junit(results(verdict=bare, comparisons=[difference(value=None)]), tmp_path)
    assert [suite.get("tests") for suite in suites.values()] == ["0", "0", "1"]


def test_a_number_that_is_none_is_unknown(tmp_path):
    odd = difference(value=float("nan"), low=None, high=None)
    suites = junit(results(comparisons=[odd]), tmp_path)
    facts = {each.get("name"): each.get("value") for each in suites["verdict"].iter("property")}
    assert facts["b.accuracy: one minus two"] == "unknown"


def test_the_summary_has_sentence_rules_and_comparisons(tmp_path):
    text = written("summary", results(warnings=["decided by another rule"]), tmp_path).read_text()
    lines = text.splitlines()
    assert lines[0].startswith("## FAIL: a \\<b\\> \\| ")
    assert lines[2].startswith("**No target meets the rules a \\<b\\>")
    assert "- a reason of its own" in lines
    assert "- 100 more cases" in lines
    assert "- Warning: decided by another rule" in lines
    assert any(line.startswith("| one | b.accuracy at least 80% | missed | \\< 0.1% |") for line in lines)
    assert any(line.startswith("| one | load latency target | met | \\> 99.9% |") for line in lines)
    assert any(line.startswith("| two | load latency target | met | 0.0% |") for line in lines)
    assert (
        "| b.accuracy | one minus two | +13 points | 95%: 5 to 20 | \\< 0.001 | 1,200 | exact McNemar |"
        in lines
    )
    assert not any("@" in line for line in lines)
    assert lines[-1] == f"run `20260101-000000-a-0000`, plan `{'p' * 12}`, rule `{'r' * 12}`"


def test_a_reason_that_repeats_a_rule_is_told_once(tmp_path):
    text = written("summary", results(), tmp_path).read_text()
    assert text.count("one is missed") == 1


def test_a_summary_without_rules_and_comparisons_says_so(tmp_path):
    bare = Verdict(state="inconclusive", choice=None, tied=[], sentence="")
    text = written("summary", results(verdict=bare, comparisons=[], rule_hash=""), tmp_path).read_text()
    assert "No verdict." in text
    assert "The rule asks nothing of a single target." in text
    assert "### Comparisons" not in text
    assert "rule `" not in text


def test_many_comparisons_are_cut_and_counted(tmp_path):
    rows = [difference(f"b{n}.accuracy", None, low=None, high=None) for n in range(35)]
    text = written("summary", results(comparisons=rows), tmp_path).read_text()
    assert text.count("| unknown |") == 30
    assert "5 more are in the report." in text


def test_times_are_told_in_their_own_unit(tmp_path):
    rows = [difference("load.ttft", -0.02, low=-0.03, high=-0.01, unit="s")]
    text = written("summary", results(comparisons=rows), tmp_path).read_text()
    assert "| -20 ms | 95%: -30 to -10 |" in text
