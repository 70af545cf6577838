"""Keys that sign evidence."""

import sys
from pathlib import Path

import pytest

from bakeoff.errors import PluginError, UsageError
from bakeoff.evidence import (
    Key,
    find_key,
    key_folder,
    key_id,
    list_keys,
    make_key,
    read_public,
    sign,
    trust,
    vouches,
)


def test_a_signature_fits_its_data_and_its_key_alone(tmp_path: Path) -> None:
    alice, bob = make_key(tmp_path, "alice"), make_key(tmp_path, "bob")
    mark = sign(alice, b"data")
    assert mark == sign(alice, b"data")
    assert vouches(alice.public, mark, b"data")
    assert not vouches(alice.public, mark, b"Data")
    assert not vouches(bob.public, mark, b"data")
    assert not vouches(alice.public, b"short", b"data")
    assert not vouches(b"no key", mark, b"data")


def test_only_the_owner_can_read_a_private_key(tmp_path: Path) -> None:
    make_key(tmp_path / "keys", "alice")
    assert (tmp_path / "keys" / "alice.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_a_private_key_that_others_can_read_signs_nothing(tmp_path: Path) -> None:
    key = make_key(tmp_path, "alice")
    (tmp_path / "alice.key").chmod(0o644)
    with pytest.raises(UsageError, match="others can read") as raised:
        sign(key, b"data")
    assert raised.value.hint == f"chmod 600 {tmp_path / 'alice.key'}"


def test_a_public_key_is_read_as_it_was_written(tmp_path: Path) -> None:
    key = make_key(tmp_path, "alice")
    (tmp_path / "copy.pem").write_text(key.pem)
    read = read_public(tmp_path / "copy.pem")
    assert (read.public, read.id, read.name, read.own) == (key.public, key.id, "copy", False)
    assert key.id == key_id(key.public)
    assert len(key.id) == 16


def test_our_public_keys_are_those_of_the_library(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = make_key(tmp_path, "alice")
    theirs = load_pem_public_key(key.pem.encode())
    assert theirs.public_bytes_raw() == key.public  # type: ignore[union-attr]  # it is an ed25519 key


@pytest.mark.parametrize(
    "text", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "é"]
)
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.pub").write_text(text)
    with pytest.raises(UsageError, match="no public ed25519 key"):
        read_public(tmp_path / "a.pub")


def test_a_key_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_public(tmp_path / "a.pub")


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", "a b", "x" * 65])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name for a key"):
        make_key(tmp_path / "keys", name)
    with pytest.raises(UsageError, match="no name for a key"):
        trust(tmp_path / "keys", tmp_path / "a.pub", name)
    assert not (tmp_path / "keys").exists()


def test_no_key_is_overwritten(tmp_path: Path) -> None:
    key = make_key(tmp_path, "alice")
    (tmp_path / "bob.pem").write_text(key.pem)
    for again in (
        lambda: make_key(tmp_path, "alice"),
        lambda: trust(tmp_path, tmp_path / "bob.pem", "alice"),
    ):
        with pytest.raises(UsageError, match="already"):
            again()
    assert sign(key, b"x")


def test_a_trusted_key_of_the_same_name_does_not_become_ours(tmp_path: Path) -> None:
    theirs = make_key(tmp_path / "theirs", "bob")
    trust(tmp_path / "mine", theirs.path, "bob")
    with pytest.raises(UsageError, match="already"):
        make_key(tmp_path / "mine", "bob")
    assert [(key.name, key.own) for key in list_keys(tmp_path / "mine")] == [("bob", False)]


def test_a_key_is_found_by_name_or_as_the_only_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no key to sign with"):
        find_key(tmp_path, None)
    alice = make_key(tmp_path, "alice")
    trust(tmp_path, make_key(tmp_path / "theirs", "bob").path, "carol")
    assert find_key(tmp_path, None) == alice
    assert find_key(tmp_path, "carol").own is False
    with pytest.raises(UsageError, match="no key `dave`") as raised:
        find_key(tmp_path, "dave")
    assert "alice, carol" in raised.value.hint
    make_key(tmp_path, "bob")
    with pytest.raises(UsageError, match="several keys: `alice`, `bob`"):
        find_key(tmp_path, None)


def test_signing_needs_the_private_key_of_this_public_key(tmp_path: Path) -> None:
    key = trust(tmp_path, make_key(tmp_path / "theirs", "bob").path, "bob")
    with pytest.raises(UsageError, match="cannot be read"):
        sign(key, b"data")
    private = tmp_path / "bob.key"
    private.write_bytes(b"nothing")
    private.chmod(0o600)
    with pytest.raises(UsageError, match="no private key"):
        sign(key, b"data")
    make_key(tmp_path, "alice")
    (tmp_path / "alice.key").replace(private)
    with pytest.raises(UsageError, match=r"not the private key of `bob\.pub`"):
        sign(key, b"data")


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    key = make_key(tmp_path, "alice")
    other = X25519PrivateKey.generate().private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    )
    (tmp_path / "alice.key").write_bytes(other)
    with pytest.raises(UsageError, match="no ed25519 key"):
        sign(key, b"data")


def test_the_folder_is_that_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert key_folder(None, {"XDG_CONFIG_HOME": "/x"}) == Path("/x/bakeoff/keys")
    assert key_folder(None, {}) == tmp_path / ".config" / "bakeoff" / "keys"
    assert key_folder(Path("here"), {"XDG_CONFIG_HOME": "/x"}) == Path("here")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        make_key(tmp_path / "file" / "keys", "alice")


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = Key(name="a", id="0", public=bytes(32), path=tmp_path / "a.pub")
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    for needs in (
        lambda: make_key(tmp_path, "a"),
        lambda: sign(key, b""),
        lambda: vouches(bytes(32), b"", b""),
    ):
        with pytest.raises(PluginError, match="cryptography") as raised:
            needs()
        assert raised.value.hint == "from the clone: `.venv/bin/pip install -c constraints.txt '.[evidence]'`"
