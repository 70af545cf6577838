"""Verifying what is no whole archive: unsigned, incomplete, broken, of another version, or a folder."""

import shutil
from pathlib import Path

import msgspec
import pytest
from tests.unit.run.evidence_shop import (
    Files,
    Shop,
    described,
    of,
    states,
    swap,
    unpacked,
    verify_changed,
)
from tests.unit.run.stored_runs import ID, write_run

from bakeoff.errors import RunLockedError, StoreError, UsageError
from bakeoff.evidence import read_manifest
from bakeoff.run.evidence import Trust, verify_archive, verify_folder
from bakeoff.run.exporting import export_run
from bakeoff.stores.jsonl import JsonlStore


def test_a_signature_that_was_taken_out_is_missed(shop: Shop, tmp_path: Path) -> None:
    found = verify_changed(shop, tmp_path, lambda files: files.pop("signature.json"))
    assert "was taken out" in found.findings[0].text
    assert not found.verified


def test_an_unsigned_archive_is_accepted_only_when_said(shop: Shop, tmp_path: Path) -> None:
    (archive,) = export_run(shop.run, "evidence", tmp_path, {"unsigned": True})
    found = verify_archive(archive, shop.trust)
    assert not found.verified
    assert "UNSIGNED" in found.findings[0].text
    accepted = verify_archive(archive, Trust(unsigned=True))
    assert accepted.verified
    assert accepted.signed_by is None
    assert "UNSIGNED" in next(check.text for check in accepted.checks if check.name == "signature")


@pytest.mark.parametrize("name", ["samples.jsonl", "lines.bin", "report/results.json"])
def test_a_missing_file_is_named(shop: Shop, tmp_path: Path, name: str) -> None:
    found = verify_changed(shop, tmp_path, lambda files: files.pop(name))
    assert [(each.file, each.text) for each in of(found, "hashes")] == [(name, "the file is missing")]
    assert states(found)["results"] == "skipped"


def test_a_manifest_without_a_needed_file_is_refused(shop: Shop, tmp_path: Path) -> None:
    def forget(files: Files) -> None:
        del files["events.jsonl"]
        described(files, shop.key("alice"))

    found = verify_changed(shop, tmp_path, forget)
    assert ("events.jsonl", "the manifest lacks this file") in [(e.file, e.text) for e in of(found, "hashes")]
    assert not found.verified


def test_a_file_that_the_manifest_does_not_know_is_named(shop: Shop, tmp_path: Path) -> None:
    def add(files: Files) -> None:
        scores = files.pop("scores.jsonl")
        described(files, shop.key("alice"))
        files["scores.jsonl"] = scores

    found = verify_changed(shop, tmp_path, add)
    assert [(each.file, each.text) for each in of(found, "hashes")] == [
        ("scores.jsonl", "the manifest does not know this file")
    ]


def test_a_wrong_number_of_lines_is_told(shop: Shop, tmp_path: Path) -> None:
    def lie(files: Files) -> None:
        facts = read_manifest(files["manifest.json"]).files
        lying = [msgspec.structs.replace(f, lines=f.lines + (f.name == "spec.yaml")) for f in facts]
        described(files, shop.key("alice"), files=lying)

    found = verify_changed(shop, tmp_path, lie)
    assert [(each.file, each.text) for each in of(found, "hashes")] == [
        ("spec.yaml", "it has another number of lines than the manifest says")
    ]


def test_without_the_hashes_of_lines_the_file_is_still_named(shop: Shop, tmp_path: Path) -> None:
    def change(files: Files) -> None:
        swap("plan.json", '"requests": 2', '"requests": 9')(files)
        files["lines.bin"] = b"x" + files["lines.bin"][1:]

    found = verify_changed(shop, tmp_path, change)
    assert [(each.file, each.line) for each in of(found, "hashes")] == [
        ("lines.bin", None),
        ("plan.json", None),
    ]


def test_many_changed_lines_are_counted(shop: Shop, tmp_path: Path) -> None:
    def change(files: Files) -> None:
        files["report/results.json"] = files["report/results.json"].replace(b'": ', b'":  ')

    found = verify_changed(shop, tmp_path, change)
    assert len(of(found, "hashes")) == 22
    assert "more lines differ" in of(found, "hashes")[-1].text
    assert states(found)["results"] == "ok"


def test_rows_that_cannot_be_read_are_named(shop: Shop, tmp_path: Path) -> None:
    def cut(files: Files) -> None:
        rows = files["samples.jsonl"].splitlines(keepends=True)
        files["samples.jsonl"] = b"".join([*rows[:3], b"no json\n", *rows[4:]])

    found = verify_changed(shop, tmp_path, cut)
    first = of(found, "rows")[0]
    assert (first.file, first.line) == ("samples.jsonl", 4)
    assert of(found, "hashes")[1].key == ""
    assert states(found)["results"] == "skipped"


@pytest.mark.parametrize("text", [b"models: [", b"version: 1\n"])
def test_a_spec_that_cannot_be_read_is_told(shop: Shop, tmp_path: Path, text: bytes) -> None:
    found = verify_changed(shop, tmp_path, lambda files: files.update({"spec.yaml": text}))
    assert [each.file for each in of(found, "spec")] == ["spec.yaml"]
    assert states(found)["results"] == "skipped"


@pytest.mark.parametrize("row", [b"3\n", b"[1]\n", b"\xff\n"])
def test_a_changed_line_that_is_no_row_is_named_by_its_number(shop: Shop, tmp_path: Path, row: bytes) -> None:
    def change(files: Files) -> None:
        rows = files["events.jsonl"].splitlines(keepends=True)
        files["events.jsonl"] = b"".join([*rows[:-1], row])

    found = verify_changed(shop, tmp_path, change)
    assert [(each.file, each.line, each.key) for each in of(found, "hashes")][1] == ("events.jsonl", 2, "")


def test_a_changed_case_is_named_by_its_id(shop: Shop, tmp_path: Path) -> None:
    found = verify_changed(shop, tmp_path, swap("cases.jsonl", "What is 3?", "What is 4?"))
    assert [each.key for each in of(found, "hashes")][1] == "benchmark `sums` case `c3`"
    assert [each.field for each in of(found, "manifest")] == ["data.sums.sha256"]


def test_a_signature_that_cannot_be_unpacked_is_told(shop: Shop, tmp_path: Path) -> None:
    raw = bytearray(shop.archive.read_bytes())
    at = raw.rindex(b"signature.json", 0, raw.index(b"PK\x01\x02"))
    raw[at + 40] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(bytes(raw))
    found = verify_archive(tmp_path / "a.zip", shop.trust)
    assert "cannot be read" in of(found, "signature")[0].text


def test_a_run_without_scores_has_a_file_for_them_all_the_same(tmp_path: Path) -> None:
    run = write_run(
        tmp_path, cases=2, benchmarks=[{"name": "sums", "dataset": "cases.jsonl", "prompt": "{{input}}"}]
    )
    (run / "cases.jsonl").unlink()
    assert (run / "scores.jsonl").read_bytes() == b""
    (archive,) = export_run(run, "evidence", tmp_path, {"unsigned": True})
    found = verify_archive(archive, Trust(unsigned=True))
    assert found.verified, found.findings
    assert states(found)["grades"] == "skipped"
    assert set(unpacked(archive)) >= {"scores.jsonl"}
    assert "cases.jsonl" not in unpacked(archive)


def test_results_that_are_no_json_are_told(shop: Shop, tmp_path: Path) -> None:
    found = verify_changed(shop, tmp_path, lambda files: files.update({"report/results.json": b"{"}))
    assert "no document of results" in of(found, "results")[0].text


def test_a_manifest_that_is_none_is_told(shop: Shop, tmp_path: Path) -> None:
    found = verify_changed(shop, tmp_path, lambda files: files.update({"manifest.json": b"{}"}))
    assert [each.check for each in found.findings] == ["signature", "manifest"]
    assert not found.verified
    missing = verify_changed(shop, tmp_path, lambda files: files.pop("manifest.json"))
    assert [(each.check, each.text) for each in missing.findings] == [("manifest", "there is none")]


def test_an_archive_that_leads_elsewhere_is_not_unpacked(shop: Shop, tmp_path: Path) -> None:
    found = verify_changed(shop, tmp_path, lambda files: files.update({"../evil": b"x"}))
    assert [(each.check, each.file) for each in found.findings] == [("archive", "../evil")]
    assert states(found) == {"archive": "failed"}


def test_a_file_that_is_no_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"nothing")
    found = verify_archive(tmp_path / "a.zip", Trust())
    assert "no archive of evidence" in found.findings[0].text
    with pytest.raises(UsageError, match="cannot be read"):
        verify_archive(tmp_path / "none.zip", Trust())


def test_another_version_is_told_and_may_know_more(shop: Shop, tmp_path: Path) -> None:
    def older(files: Files) -> None:
        results = msgspec.json.decode(files["report/results.json"])
        del results["costs"]
        files["report/results.json"] = msgspec.json.encode(results)
        described(files, shop.key("alice"), versions={"bakeoff": "0.0.9"})

    found = verify_changed(shop, tmp_path, older)
    assert found.verified
    assert "version 0.0.9 verifies with the same" in found.notes[0]

    def same(files: Files) -> None:
        older(files)
        described(
            files, shop.key("alice"), versions=read_manifest(unpacked(shop.archive)["manifest.json"]).versions
        )

    assert [each.field for each in verify_changed(shop, tmp_path, same).findings] == ["costs"]


def test_at_most_a_hundred_findings_of_a_check_are_told(shop: Shop, tmp_path: Path) -> None:
    def wreck(files: Files) -> None:
        results = msgspec.json.decode(files["report/results.json"])
        results["warnings"] = ["x"] * 150
        files["report/results.json"] = msgspec.json.encode(results)

    found = verify_changed(shop, tmp_path, wreck)
    assert len(of(found, "results")) == 100
    assert found.more == {"results": 50}


def test_the_folder_of_a_run_is_verified_without_a_signature(shop: Shop) -> None:
    found = verify_folder(shop.run)
    assert found.verified
    assert states(found) == {"signature": "skipped", "rows": "ok", "grades": "ok", "results": "ok"}


def test_a_folder_without_results_is_checked_as_far_as_it_goes(shop: Shop, tmp_path: Path) -> None:
    run = shutil.copytree(shop.run, tmp_path / ID)
    shutil.rmtree(run / "report")
    assert states(verify_folder(run))["results"] == "skipped"
    (run / "plan.json").write_bytes(b"{")
    found = verify_folder(run)
    assert [(each.check, each.file) for each in found.findings] == [("rows", "plan.json")]


def test_rows_from_which_nothing_can_be_computed_are_told(shop: Shop, tmp_path: Path) -> None:
    run = shutil.copytree(shop.run, tmp_path / ID)
    started = (run / "events.jsonl").read_text().replace('"mono_ns"', '"nomo_ns"')
    (run / "events.jsonl").write_text(started)
    found = verify_folder(run)
    assert "no results can be computed" in of(found, "results")[0].text


def test_a_run_that_is_being_written_is_left_alone(shop: Shop, tmp_path: Path) -> None:
    run = shutil.copytree(shop.run, tmp_path / ID)
    store = JsonlStore(run)
    with pytest.raises(RunLockedError):
        verify_folder(run)
    with pytest.raises(RunLockedError):
        export_run(run, "evidence", tmp_path, {"unsigned": True})
    store.close()


def test_a_torn_line_is_no_evidence(shop: Shop, tmp_path: Path) -> None:
    run = shutil.copytree(shop.run, tmp_path / ID)
    with (run / "samples.jsonl").open("ab") as file:
        file.write(b'{"benchmark"')
    with pytest.raises(StoreError, match="cut off its last line"):
        export_run(run, "evidence", tmp_path, {"unsigned": True})
    assert not list(tmp_path.glob("*.zip"))


def test_a_key_and_no_signature_contradict_each_other(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="contradict"):
        export_run(shop.run, "evidence", tmp_path, {"unsigned": True, "key": "alice"})


def test_a_rule_that_was_changed_after_the_start_is_noted(shop: Shop, tmp_path: Path) -> None:
    run = shutil.copytree(shop.run, tmp_path / ID)
    events = (run / "events.jsonl").read_bytes()
    assert events.count(b'"rule_hash":""') == 1
    (run / "events.jsonl").write_bytes(events.replace(b'"rule_hash":""', b'"rule_hash":"another"'))
    assert "the decision rule is not the one that the run was started with" in verify_folder(run).notes
