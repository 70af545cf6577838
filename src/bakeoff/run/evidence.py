"""Verify a run, or an archive of evidence: who signed it, is it what was signed, do the numbers follow."""

import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bakeoff import __version__
from bakeoff.errors import BakeoffError, DataError, RunLockedError, SpecErrorGroup, UsageError
from bakeoff.evidence import (
    MANIFEST,
    RESULTS,
    SIGNATURE,
    Finding,
    Key,
    Manifest,
    Signature,
    key_id,
    no_room,
    read_manifest,
    read_member,
    safety,
    unpack,
    vouches,
)
from bakeoff.records import Event, Spec
from bakeoff.run.evidence_files import changed_files, wrong_facts
from bakeoff.run.evidence_grades import Regraded, regrade
from bakeoff.run.evidence_numbers import as_findings, compare
from bakeoff.run.evidence_rows import check_rows
from bakeoff.run.finish import make_results
from bakeoff.spec import load_stored_spec
from bakeoff.stores.jsonl import is_locked

MOST = 100
"""Most findings that one check tells."""
_NUMBERS = (BakeoffError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What computing results may raise where rows were changed; the rows of others may hold anything."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: `state` is ok, failed or skipped; `text` says what, or why not."""

    name: str
    state: str
    text: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a run or an archive is what it says, and where it is not.

    Attributes:
        verified: nothing failed, and somebody known vouches where that can be.
        source: what was looked at.
        run: its id.
        signed_by: name of the known key that signed, None where none did.
        key: id of the key that the archive names.
        created: when the run ended, as the archive tells.
        more: by check, how many findings were left out.
        notes: what a reader must know besides.
    """

    verified: bool
    source: str
    run: str = ""
    signed_by: str | None = None
    key: str | None = None
    created: str = ""
    checks: list[Check]
    findings: list[Finding]
    more: dict[str, int] = {}
    notes: list[str] = []
    schema_version: int = 1


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Whose signature counts; `unsigned` accepts an archive that nobody signed."""

    keys: Sequence[Key] = ()
    unsigned: bool = False


def verify_archive(path: Path, trusted: Trust) -> Verification:
    """Check an archive of evidence and compute its numbers again.

    Raises:
        UsageError: the file cannot be read.
        NoRoomError: there is no room to unpack it, which says nothing of it.
    """
    told = _Telling(str(path))
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
        found = Finding(check="archive", text=f"this is no archive of evidence: {error}", file=path.name)
        told.check("archive", [found], "")
        return told.ended()
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror}", where=str(path)) from error
    with archive:
        _look(archive, trusted, told)
    return told.ended()


def verify_folder(folder: Path) -> Verification:
    """Check a run's directory: its rows, its grades, and the results that were reported.

    Raises:
        RunLockedError: it is still being written.
    """
    if is_locked(folder):
        raise RunLockedError(
            "this run is still being written", where=str(folder), hint="wait for it, or stop it"
        )
    told = _Telling(str(folder))
    told.run = folder.name
    told.skip("signature", "the folder of a run is not signed; `bakeoff export --format evidence` does that")
    _look_inside(folder, told, None)
    return told.ended()


class _Telling:
    """Collects what was checked and what was found."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._checks: list[Check] = []
        self._findings: list[Finding] = []
        self._more: dict[str, int] = {}
        self.notes: list[str] = []
        self.run = self.created = ""
        self.key: str | None = None
        self.signed_by: str | None = None

    def check(self, name: str, findings: Sequence[Finding], text: str) -> bool:
        """Note what a check found; `text` says what was right where it found nothing."""
        failed = len(findings)
        if failed:
            text = f"{failed:,} thing{'' if failed == 1 else 's'} wrong"
        self._checks.append(Check(name=name, state="failed" if failed else "ok", text=text))
        self._findings += findings[:MOST]
        if failed > MOST:
            self._more[name] = failed - MOST
        return not failed

    def skip(self, name: str, why: str) -> None:
        """Note what was not checked."""
        self._checks.append(Check(name=name, state="skipped", text=why))

    def state(self, name: str) -> str:
        """Return how a check ended."""
        return next((check.state for check in self._checks if check.name == name), "skipped")

    def ended(self) -> Verification:
        """Return everything."""
        return Verification(
            verified=all(check.state != "failed" for check in self._checks),
            source=self._source,
            run=self.run,
            signed_by=self.signed_by,
            key=self.key,
            created=self.created,
            checks=self._checks,
            findings=self._findings,
            more=self._more,
            notes=self.notes,
        )


def _look(archive: zipfile.ZipFile, trusted: Trust, told: _Telling) -> None:
    size = sum(info.file_size for info in archive.infolist())
    text = f"{len(archive.infolist())} files, {size:,} bytes unpacked, nothing that leads out of it"
    if not told.check("archive", safety(archive), text):
        return
    data = read_member(archive, MANIFEST)
    if not isinstance(data, bytes):
        found = data or Finding(check="manifest", text="there is none", file=MANIFEST)
        told.check("manifest", [found], "")
        return
    signature = read_member(archive, SIGNATURE)
    try:
        manifest = read_manifest(data)
    except DataError as error:
        _check_signature(data, signature, None, trusted, told)
        told.check("manifest", [Finding(check="manifest", text=error.message, file=MANIFEST)], "")
        return
    told.run, told.created, told.key = manifest.run, manifest.created, manifest.key
    _check_signature(data, signature, manifest, trusted, told)
    try:
        unpacking = tempfile.TemporaryDirectory(prefix="bakeoff-verify-")
    except OSError as error:
        raise no_room(error, Path(tempfile.tempdir or str(archive.filename))) from error
    with unpacking as temporary:
        folder = Path(temporary) / manifest.run  # results name a run by its folder
        unpacked = unpack(archive, [facts.name for facts in manifest.files], folder)
        changed = [*unpacked.findings, *changed_files(manifest, unpacked.hashes, archive.namelist(), folder)]
        lines = sum(facts.lines for facts in manifest.files)
        told.check(
            "hashes", changed, f"{len(manifest.files)} files of {lines:,} lines are what the manifest says"
        )
        made = manifest.versions.get("bakeoff", "")
        if made != __version__:
            told.notes.append(
                f"bakeoff {made} computed the results, this is {__version__}: numbers may differ for that "
                f"reason; version {made} verifies with the same"
            )
        if any(facts.name not in unpacked.hashes for facts in manifest.files):
            told.skip("results", "a file is missing")
            return
        _look_inside(folder, told, manifest)
        if any("another order" in found.text for found in changed):
            same = "are the same" if told.state("results") == "ok" else "are not the same"
            told.notes.append(f"lines stand in another order; the numbers computed from them {same}")


def _check_signature(
    manifest: bytes,
    signature: bytes | Finding | None,
    told_by: Manifest | None,
    trusted: Trust,
    told: _Telling,
) -> None:
    """Check who signed the bytes of the manifest."""

    def wrong(text: str) -> None:
        told.check("signature", [Finding(check="signature", text=text, file=SIGNATURE)], "")

    if signature is None:
        if told_by is not None and told_by.key is not None:
            wrong(f"the signature of the key {told_by.key} was taken out")
        elif trusted.unsigned:
            told.skip("signature", "UNSIGNED: nobody vouches that these numbers were measured")
        else:
            wrong("UNSIGNED: nobody vouches that these numbers were measured; `--unsigned` accepts that")
        return
    if isinstance(signature, Finding):
        wrong(signature.text)
        return
    try:
        found = msgspec.json.decode(signature, type=Signature)
        public, mark = bytes.fromhex(found.public_key), bytes.fromhex(found.signature)
    except (msgspec.DecodeError, ValueError) as error:
        wrong(f"this is no signature: {error}")
        return
    told.key = found.key
    if found.algorithm != "ed25519" or key_id(public) != found.key:
        wrong(f"the public key in it is not the key {found.key}")
    elif not vouches(public, mark, manifest):
        wrong(f"the key {found.key} did not sign this manifest: it, or the signature, was changed afterwards")
    elif told_by is not None and told_by.key != found.key:
        wrong(f"the manifest names the key {told_by.key or 'of nobody'}, but {found.key} signed")
    else:
        _check_signer(public, trusted, told, wrong=wrong)


def _check_signer(public: bytes, trusted: Trust, told: _Telling, *, wrong: Callable[[str], None]) -> None:
    """Check that a signature which fits is by somebody known."""
    known = next((key for key in trusted.keys if key.public == public), None)
    if known is None:
        wrong(
            f"an unknown key signed: {key_id(public)}. Get the signer's public key from the signer, not from "
            "the archive, then `--public-key FILE` or `bakeoff keys trust NAME FILE`"
        )
        return
    told.signed_by = known.name
    told.check("signature", [], f"by `{known.name}`, key {known.id}")


def _look_inside(folder: Path, told: _Telling, manifest: Manifest | None) -> None:
    """Check rows, grades and results of a run's folder."""
    rows = check_rows(folder)
    counted = ", ".join(f"{count:,} {name.partition('.')[0]}" for name, count in rows.counts.items())
    told.check("rows", rows.findings, f"{counted}; each belongs to the plan")
    spec = _spec(folder)
    if isinstance(spec, Finding):
        told.check("spec", [spec], "")
    if isinstance(spec, Finding) or not rows.readable:
        told.skip("results", "they cannot be computed from files that cannot be read")
        return
    try:
        if manifest is not None:
            wrong = wrong_facts(manifest, spec, rows.events, folder)
            told.check("manifest", wrong, "plan, rule, data, machine and times are those of the files")
        _check_grades(folder, spec, rows.events, told)
        _check_results(folder, spec, told, same_version=_same_version(manifest))
    except _NUMBERS as error:
        text = f"no results can be computed from these rows: {error}"
        told.check("results", [Finding(check="results", text=text)], "")


def _spec(folder: Path) -> Spec | Finding:
    """Return the stored spec, read without anything from outside the folder, secrets included."""
    try:
        return load_stored_spec(folder / "spec.yaml", {}, base=folder, for_requests=False).spec
    except SpecErrorGroup as error:
        return Finding(check="spec", text=str(error), file="spec.yaml")


def _same_version(manifest: Manifest | None) -> bool:
    return manifest is None or manifest.versions.get("bakeoff") == __version__


def _check_grades(folder: Path, spec: Spec, events: Sequence[Event], told: _Telling) -> None:
    found: Regraded = regrade(folder, spec, events)
    told.notes += [
        f"{count:,} grades were not computed again: {why}" for why, count in found.left_out.items()
    ]
    if found.ungraded:
        told.notes.append(f"{found.ungraded:,} grades that the scorers would give are not stored")
    if found.equal or found.findings:
        text = f"{found.equal:,} of {found.total:,} computed again from the answers, all equal"
        told.check("grades", found.findings, text)
    else:
        told.skip("grades", "none could be computed again" if found.total else "nothing is graded")


def _check_results(folder: Path, spec: Spec, told: _Telling, *, same_version: bool) -> None:
    try:
        text = (folder / RESULTS).read_text(encoding="utf-8")
        stored = msgspec.json.decode(text)
    except FileNotFoundError:
        told.skip("results", "none are stored; `bakeoff report` writes them")
        return
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = Finding(check="results", text=f"this is no document of results: {error}", file=RESULTS)
        told.check("results", [found], "")
        return
    results = make_results(folder, spec)
    if results.planned_rule_hash not in ("", results.rule_hash):
        told.notes.append("the decision rule is not the one that the run was started with")
    compared = compare(stored, msgspec.json.decode(msgspec.json.encode(results)))
    differences = compared.differences
    if not same_version:
        # A later version may tell more than the one that made the archive knew of.
        differences = [each for each in differences if each.stored is not None]
    findings = list(as_findings(text, differences[:MOST]))
    findings += [Finding(check="results", text="another value differs")] * (len(differences) - len(findings))
    told.check("results", findings, f"{compared.values:,} values computed again from the rows, all equal")
