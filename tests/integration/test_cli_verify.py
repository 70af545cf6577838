"""`bakeoff keys`, `export --format evidence` and `verify`, as two people on two machines would use them."""

import zipfile
from pathlib import Path

import msgspec
import pytest
from tests.integration.commands import StoredRun, call, write_sums

from bakeoff.evidence import key_folder, make_key
from bakeoff.run.exporting import export_run
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)
"""Some of these start a dozen processes one after the other."""


class Two(msgspec.Struct, frozen=True, kw_only=True):
    """Who measured, who checks, and the archive between them."""

    measurer: dict[str, str]
    checker: dict[str, str]
    archive: Path
    public: Path


@pytest.fixture(scope="module")
def two(sums_run: StoredRun, tmp_path_factory: pytest.TempPathFactory) -> Two:
    root = tmp_path_factory.mktemp("two")
    measurer, checker = ({"XDG_CONFIG_HOME": str(root / name)} for name in ("measurer", "checker"))
    keys = key_folder(None, measurer)
    public = root / "alice.pub"
    public.write_text(make_key(keys, "alice").pem)
    (archive,) = export_run(sums_run.folder, "evidence", root, {"key": "alice", "keys": str(keys)})
    return Two(measurer=measurer, checker=checker, archive=archive, public=public)


def test_the_measurer_verifies_the_own_archive(two: Two, tmp_path: Path) -> None:
    done = call("verify", two.archive, cwd=tmp_path, env=two.measurer)
    assert done.code == 0, done.out + done.err
    assert done.out.rstrip().endswith("is what `alice` signed")


def test_somebody_else_needs_the_public_key(two: Two, tmp_path: Path) -> None:
    done = call("verify", two.archive, cwd=tmp_path, env=two.checker)
    assert done.code == 1
    assert "an unknown key signed" in done.out
    assert "NOT VERIFIED" in done.out
    done = call("verify", two.archive, "--public-key", two.public, "--json", cwd=tmp_path, env=two.checker)
    assert done.code == 0
    assert done.document()["verified"] is True
    assert done.document()["signed_by"] == "alice"


def test_a_trusted_key_is_known_from_then_on(two: Two, tmp_path: Path) -> None:
    keys = ("--keys", tmp_path / "keys")
    trusted = call("keys", "trust", "their-alice", two.public, *keys, cwd=tmp_path)
    assert trusted.code == 0, trusted.err
    assert call("keys", "list", *keys, cwd=tmp_path).out.split()[-2:][1] == "trusted"
    done = call("verify", two.archive, *keys, cwd=tmp_path)
    assert done.code == 0
    assert "`their-alice` signed" in done.out


def test_one_changed_digit_is_told_with_its_place(two: Two, tmp_path: Path) -> None:
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(two.archive) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "scores.jsonl":
                data = data.replace(b'"passed":false', b'"passed":true', 1)
            new.writestr(name, data)
    done = call("verify", changed, cwd=tmp_path, env=two.measurer)
    assert done.code == 1
    assert "scores.jsonl:" in done.out
    assert "target `poor`" in done.out
    assert "there      true\n  should be  false" in done.out
    facts = call("verify", changed, "--json", cwd=tmp_path, env=two.measurer).document()["findings"]
    assert {"hashes", "grades"} <= {each["check"] for each in facts}


def test_an_unsigned_archive_says_so_loudly(sums_run: StoredRun, two: Two, tmp_path: Path) -> None:
    refused = call(
        "export", sums_run.folder, "--format", "evidence", "--to", tmp_path, cwd=tmp_path, env=two.checker
    )
    assert refused.code == 2
    assert "bakeoff keys new" in refused.err
    words = ("export", sums_run.folder, "--format", "evidence", "--unsigned", "--to", tmp_path)
    assert call(*words, cwd=tmp_path, env=two.checker).code == 0
    (archive,) = tmp_path.glob("*.zip")
    done = call("verify", archive, cwd=tmp_path)
    assert done.code == 1
    assert "UNSIGNED" in done.out
    done = call("verify", archive, "--unsigned", cwd=tmp_path)
    assert done.code == 0
    assert "UNSIGNED" in done.out
    assert "NOBODY SIGNED" in done.out


def test_a_run_is_verified_in_place(sums_run: StoredRun) -> None:
    done = call("verify", sums_run.folder.name, cwd=sums_run.cwd)
    assert done.code == 0, done.out
    assert "NOBODY SIGNED" in done.out


def test_what_is_not_there_is_a_mistake_of_usage(two: Two, tmp_path: Path) -> None:
    assert call("verify", "none.zip", cwd=tmp_path).code == 2
    assert call("verify", two.archive, "--public-key", "none.pub", cwd=tmp_path).code == 2
    assert call("keys", "show", "none", cwd=tmp_path).code == 2
    assert call("export", "--format", "csv", "--key", "alice", cwd=tmp_path).code == 2


def test_a_private_key_is_never_shown(two: Two, tmp_path: Path) -> None:
    made = call("keys", "new", "bob", "--keys", tmp_path / "keys", "--json", cwd=tmp_path)
    private = (tmp_path / "keys" / "bob.key").read_text().splitlines()[1]
    shown = call("keys", "show", "bob", "--keys", tmp_path / "keys", cwd=tmp_path)
    listed = call("keys", "list", "--keys", tmp_path / "keys", "--json", cwd=tmp_path)
    assert made.document()["id"] == listed.document()["keys"][0]["id"]
    assert shown.out == (tmp_path / "keys" / "bob.pub").read_text()
    for done in (made, shown, listed):
        assert private not in done.out + done.err
        assert "PRIVATE" not in done.out + done.err


def test_no_key_yet_is_said(tmp_path: Path) -> None:
    assert "no key under" in call("keys", "list", "--keys", tmp_path / "keys", cwd=tmp_path).out


def test_evidence_holds_no_secret(sums_server: TruthProcess, tmp_path: Path) -> None:
    secret = "sk-planted-0123456789"
    models = [
        {"name": name, "endpoint": sums_server.url, "model": name, "api_key": "${PLANTED}"}
        for name in ("good", "poor")
    ]
    write_sums(tmp_path, sums_server.url, cases=4, models=models)
    done = call("run", cwd=tmp_path, env={"PLANTED": secret})
    assert done.code == 0, done.err
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PLANTED": secret}
    assert call("keys", "new", "alice", cwd=tmp_path, env=env).code == 0
    done = call("export", "--format", "evidence", "--json", cwd=tmp_path, env=env)
    assert done.code == 0, done.err
    path = tmp_path / done.document()["files"][0]
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            assert secret.encode() not in archive.read(name), name
        assert b"${PLANTED}" in archive.read("spec.yaml")
    assert call("verify", path, cwd=tmp_path, env=env).code == 0
