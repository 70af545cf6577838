"""Verifying evidence: every kind of change is found, with what and where."""

from pathlib import Path

import msgspec
import pytest
from tests.unit.run.evidence_shop import (
    Files,
    Shop,
    described,
    of,
    signed,
    states,
    swap,
    unpacked,
    verify_changed,
)
from tests.unit.run.stored_runs import ID

from bakeoff.evidence import Signature, manifest_bytes
from bakeoff.run.evidence import verify_archive
from bakeoff.run.exporting import export_run


def test_what_was_exported_is_verified(shop: Shop) -> None:
    found = verify_archive(shop.archive, shop.trust)
    assert found.findings == []
    assert found.verified
    assert (found.run, found.signed_by, found.notes) == (ID, "alice", [])
    assert found.created == "2026-01-01T00:00:00+00:00"
    assert set(states(found)) == {"archive", "signature", "hashes", "rows", "manifest", "grades", "results"}
    assert set(states(found).values()) == {"ok"}


def test_the_same_run_makes_the_same_archive(shop: Shop, tmp_path: Path) -> None:
    options = {"key": "alice", "keys": str(shop.keys)}
    (again,) = export_run(shop.run, "evidence", tmp_path, options)
    assert again.read_bytes() == shop.archive.read_bytes()
    (other,) = export_run(shop.run, "evidence", tmp_path, options | {"key": "mallory"})
    mine, theirs = unpacked(shop.archive), unpacked(other)
    assert {name for name in mine if mine[name] != theirs[name]} == {"manifest.json", "signature.json"}


def test_a_changed_digit_in_a_sample_is_found_in_its_line(shop: Shop, tmp_path: Path) -> None:
    rows = unpacked(shop.archive)["samples.jsonl"].splitlines()
    line = next(at for at, row in enumerate(rows) if b'"text":"8"' in row)
    target = msgspec.json.decode(rows[line])["target"]
    found = verify_changed(shop, tmp_path, swap("samples.jsonl", '"text":"8"', '"text":"9"'))
    whole, single = of(found, "hashes")
    assert (whole.file, whole.field) == ("samples.jsonl", "sha256")
    assert (single.line, single.text) == (line + 1, "this line was changed")
    assert single.key == f"benchmark `sums` case `c8` target `{target}` repeat 0 stage `main`"
    (grade,) = of(found, "grades")
    assert (grade.file, grade.field, grade.computed) == ("scores.jsonl", "value", "0.0")
    assert f"samples.jsonl:{line + 1}" in grade.text
    assert f"case `c8` target `{target}`" in grade.key
    assert not found.verified


def test_a_changed_digit_in_a_score_is_found_with_every_number_it_moves(shop: Shop, tmp_path: Path) -> None:
    found = verify_changed(shop, tmp_path, swap("scores.jsonl", '"value":0.0', '"value":1.0'))
    (grade,) = of(found, "grades")
    assert (grade.field, grade.stored, grade.computed) == ("value", "1.0", "0.0")
    assert any(each.line == grade.line and "line was changed" in each.text for each in of(found, "hashes"))
    assert all("poor" in each.field for each in of(found, "results")[:1])


def test_a_changed_pass_moves_the_results(shop: Shop, tmp_path: Path) -> None:
    found = verify_changed(
        shop, tmp_path, swap("scores.jsonl", '"value":0.0,"passed":false', '"value":1.0,"passed":true')
    )
    moved = {each.field: each for each in of(found, "results")}
    accuracy = moved['targets[1 poor].metrics["sums.accuracy"].value']
    assert (accuracy.stored, accuracy.computed) == ("0.6666666666666666", "0.7777777777777778")
    row = unpacked(shop.archive)["report/results.json"].decode().splitlines()[(accuracy.line or 0) - 1]
    assert '"value": 0.6666666666666666' in row


def test_a_changed_digit_in_the_results_is_found(shop: Shop, tmp_path: Path) -> None:
    found = verify_changed(
        shop, tmp_path, swap("report/results.json", "0.6666666666666666", "0.6666666666766666")
    )
    (wrong,) = of(found, "results")
    assert wrong.field == 'targets[1 poor].metrics["sums.accuracy"].value'
    assert (wrong.stored, wrong.computed) == ("0.6666666666766666", "0.6666666666666666")
    assert [each.line for each in of(found, "hashes")] == [None, wrong.line]


def test_a_changed_digit_in_the_plan_is_found(shop: Shop, tmp_path: Path) -> None:
    found = verify_changed(shop, tmp_path, swap("plan.json", '"requests": 2', '"requests": 9'))
    assert [(each.file, each.text) for each in of(found, "hashes")][1] == (
        "plan.json",
        "this line was changed",
    )
    assert any("planned samples are there" in (each.computed or "") for each in of(found, "results"))


def test_a_changed_rule_in_the_spec_is_found(shop: Shop, tmp_path: Path) -> None:
    found = verify_changed(shop, tmp_path, swap("spec.yaml", "level: 0.95", "level: 0.90"))
    assert {each.file for each in of(found, "hashes")} == {"spec.yaml"}
    assert [each.field for each in of(found, "manifest")] == ["rule_hash"]
    assert 'targets[0 good].metrics["sums.accuracy"].level' in {each.field for each in of(found, "results")}


def test_a_removed_row_is_found(shop: Shop, tmp_path: Path) -> None:
    def remove(files: Files) -> None:
        rows = files["samples.jsonl"].splitlines(keepends=True)
        files["samples.jsonl"] = b"".join(rows[:4] + rows[5:])

    found = verify_changed(shop, tmp_path, remove)
    assert of(found, "hashes")[1].text == "line 5 of the signed file was removed"
    (orphan,) = of(found, "rows")
    assert orphan.file == "scores.jsonl"
    assert orphan.line == 5
    assert "sample that is not there" in orphan.text
    assert any(each.field.endswith(".outcomes.sums.ok") for each in of(found, "results"))


def test_an_added_row_is_found(shop: Shop, tmp_path: Path) -> None:
    def add(files: Files) -> None:
        files["samples.jsonl"] += (
            files["samples.jsonl"].splitlines(keepends=True)[0].replace(b'"c0"', b'"c77"')
        )

    found = verify_changed(shop, tmp_path, add)
    assert [(each.line, each.text) for each in of(found, "hashes")][1] == (19, "this line was added")
    (strange,) = of(found, "rows")
    assert (strange.line, strange.field, strange.stored) == (19, "case", "c77")


def test_reordered_rows_are_found_though_the_numbers_are_the_same(shop: Shop, tmp_path: Path) -> None:
    def reverse(files: Files) -> None:
        rows = files["samples.jsonl"].splitlines(keepends=True)
        rows[2], rows[9] = rows[9], rows[2]
        files["samples.jsonl"] = b"".join(rows)

    found = verify_changed(shop, tmp_path, reverse)
    assert not found.verified
    assert of(found, "hashes")[1].line == 3
    assert "another order" in of(found, "hashes")[1].text
    assert states(found)["grades"] == "ok"
    assert states(found)["results"] == "ok"
    assert found.notes == ["lines stand in another order; the numbers computed from them are the same"]


def test_a_replaced_signature_is_found(shop: Shop, tmp_path: Path) -> None:
    def replace(files: Files) -> None:
        old = msgspec.json.decode(files["signature.json"], type=Signature)
        files["signature.json"] = manifest_bytes(msgspec.structs.replace(old, signature="00" * 64))

    (wrong,) = verify_changed(shop, tmp_path, replace).findings
    assert (wrong.check, wrong.file) == ("signature", "signature.json")
    assert "did not sign this manifest" in wrong.text


def test_another_persons_signature_under_the_same_manifest_is_found(shop: Shop, tmp_path: Path) -> None:
    def replace(files: Files) -> None:
        files["signature.json"] = signed(files["manifest.json"], shop.key("mallory"))

    (wrong,) = verify_changed(shop, tmp_path, replace).findings
    assert f"but {shop.key('mallory').id} signed" in wrong.text


def test_a_key_under_another_id_is_found(shop: Shop, tmp_path: Path) -> None:
    def replace(files: Files) -> None:
        old = msgspec.json.decode(files["signature.json"], type=Signature)
        files["signature.json"] = manifest_bytes(
            msgspec.structs.replace(old, public_key=shop.key("mallory").public.hex())
        )

    assert "is not the key" in verify_changed(shop, tmp_path, replace).findings[0].text


@pytest.mark.parametrize("text", [b"", b"\xff", b"{}", b'{"key":"a","public_key":"zz","signature":"00"}'])
def test_what_is_no_signature_is_told(shop: Shop, tmp_path: Path, text: bytes) -> None:
    found = verify_changed(shop, tmp_path, lambda files: files.update({"signature.json": text}))
    assert "no signature" in found.findings[0].text


def test_a_manifest_edited_to_match_does_not_fit_its_signature(shop: Shop, tmp_path: Path) -> None:
    def edit(files: Files) -> None:
        swap("samples.jsonl", '"text":"4"', '"text":"5"')(files)
        old = files["signature.json"]
        described(files, shop.key("mallory"), key=shop.key("alice").id)
        files["signature.json"] = old

    found = verify_changed(shop, tmp_path, edit)
    assert states(found)["hashes"] == "ok"
    assert "did not sign this manifest" in of(found, "signature")[0].text
    assert states(found)["grades"] == "failed"


def test_a_forgery_signed_by_somebody_else_is_by_an_unknown_key(shop: Shop, tmp_path: Path) -> None:
    def forge(files: Files) -> None:
        described(files, shop.key("mallory"))

    found = verify_changed(shop, tmp_path, forge)
    assert [each.check for each in found.findings] == ["signature"]
    assert f"an unknown key signed: {shop.key('mallory').id}" in found.findings[0].text
    assert found.signed_by is None
    assert not found.verified


def test_signed_numbers_that_do_not_follow_from_the_rows_are_found(shop: Shop, tmp_path: Path) -> None:
    """Even the key's owner cannot make the rows say something else."""

    def forge(files: Files) -> None:
        swap("report/results.json", "0.6666666666666666", "0.9")(files)
        described(files, shop.key("alice"))

    found = verify_changed(shop, tmp_path, forge)
    assert states(found)["signature"] == states(found)["hashes"] == "ok"
    (wrong,) = found.findings
    assert (wrong.check, wrong.stored, wrong.computed) == ("results", "0.9", "0.6666666666666666")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x"),
        ("plan_hash", "0"),
        ("rule_hash", "0"),
        ("created", "2020"),
        ("environment", {}),
        ("data", {}),
    ],
)
def test_a_manifest_that_says_otherwise_than_its_files_is_found(
    shop: Shop, tmp_path: Path, field: str, value: object
) -> None:
    found = verify_changed(
        shop, tmp_path, lambda files: described(files, shop.key("alice"), **{field: value})
    )
    assert [each.check for each in found.findings] == ["manifest"]
    assert found.findings[0].field.startswith(field)
    assert found.findings[0].file == "manifest.json"
