"""The cards of the data, in the HTML report."""

import msgspec

from bakeoff.cards import lines, make_card, remark, tables
from bakeoff.records import Case
from bakeoff.records.card import DataCard
from bakeoff.reports.html import render
from bakeoff.testing.views import HOSTILE, make_view


def card(**changes: str) -> DataCard:
    cases = [
        Case(id=f"c{n}", fields={"input": f"How far is {n}?", "label": "near"}, reference="near")
        for n in range(4)
    ]
    again = msgspec.structs.replace(cases[0], id="again")
    return msgspec.structs.replace(make_card("distances", [*cases, again], source="far.jsonl"), **changes)


def page(*cards: DataCard) -> str:
    return render(msgspec.structs.replace(make_view(), data=list(cards)))


def test_a_card_folds_away_and_counts_its_warnings() -> None:
    one = card()
    html = page(one)
    assert "<summary>Data of <bdi>distances</bdi>: 5 rows" in html
    assert f"! {len(one.warnings)} warning" in html
    assert one.sha256 in html
    for text in (*one.warnings, "same question as an earlier row", "far.jsonl"):
        assert text in html
    assert html.count('<details class="more"') == page().count('<details class="more"') + 1


def test_a_run_without_cards_says_nothing_of_data() -> None:
    assert "Data of" not in page()


def test_texts_of_a_card_are_never_markup() -> None:
    for text in HOSTILE:
        answers = msgspec.structs.replace(card().answers, counts={text: 5})
        html = page(msgspec.structs.replace(card(name=text, source=text), answers=answers, warnings=[text]))
        assert "<script>alert" not in html
        assert "<img" not in html


def test_the_page_and_the_markdown_show_the_same_cells() -> None:
    one = card()
    text = "\n".join(lines(one))
    for table in tables(one):
        for row in (table.head, *table.rows):
            assert "| " + " | ".join(row) + " |" in text
    assert [table.head[0] for table in tables(one)] == [
        "field",
        "length in characters",
        "check",
        "right answer",
    ]


def test_many_right_answers_are_told_in_a_line() -> None:
    cases = [Case(id=f"c{n}", fields={"input": f"{n}?"}, reference=str(n)) for n in range(30)]
    many = make_card("numbers", cases)
    assert remark(many) == "30 different right answers in 30 rows"
    assert remark(many) in page(many)
    assert remark(card()) == ""
