"""Keys that sign evidence: ed25519 pairs in a folder of their owner, and the public keys of those they trust.

`NAME.key` is a private key, readable by its owner alone and never shown; `NAME.pub` is the public one.
"""

import base64
import binascii
import contextlib
import hashlib
import os
import re
from collections.abc import Generator, Mapping
from importlib import import_module
from pathlib import Path

import msgspec

from bakeoff.errors import PluginError, UsageError, install_hint

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# What stands before the 32 bytes of every public ed25519 key in its PEM form (RFC 8410).
_HEAD = bytes.fromhex("302a300506032b6570032100")
_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_LONGEST = 10_000


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A public key.

    Attributes:
        id: a short hash of the key.
        public: its 32 bytes.
        path: the file that holds it.
        own: the private key lies beside it, so it can sign.
    """

    name: str
    id: str
    public: bytes
    path: Path
    own: bool = False

    @property
    def pem(self) -> str:
        """Return the key as the text of its file."""
        return f"{_BEGIN}\n{base64.b64encode(_HEAD + self.public).decode()}\n{_END}\n"


def key_folder(given: Path | None, env: Mapping[str, str]) -> Path:
    """Return the folder of the keys: the given one, else that of the user's settings."""
    if given is not None:
        return given
    base = env.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "bakeoff" / "keys"


def make_key(folder: Path, name: str) -> Key:
    """Make a key pair.

    Raises:
        UsageError: the name is taken or no name, or the folder cannot be written.
        PluginError: the package `cryptography` is missing.
    """
    _check_name(name)
    _check_package()
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415  an extra
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415  an extra

    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    text = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    key = Key(name=name, id=key_id(public), public=public, path=folder / f"{name}.pub", own=True)
    with _told(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if key.path.exists():  # someone else's: a private key beside it would make it ours
            raise FileExistsError(0, "", str(key.path))
        _write(folder / f"{name}.key", text, 0o600)
        _write(key.path, key.pem.encode(), 0o644)
    return key


def trust(folder: Path, path: Path, name: str) -> Key:
    """Keep someone's public key, so that what they signed is known.

    Raises:
        UsageError: it is no public key, or the name is taken or no name.
    """
    _check_name(name)
    key = msgspec.structs.replace(read_public(path), name=name, path=folder / f"{name}.pub")
    with _told(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(key.path, key.pem.encode(), 0o644)
    return key


def list_keys(folder: Path) -> list[Key]:
    """Return the keys of a folder by name.

    Raises:
        UsageError: a file there is no public key.
    """
    return [read_public(path) for path in sorted(folder.glob("*.pub"))]


def find_key(folder: Path, name: str | None) -> Key:
    """Return a key by name; for None the only one that can sign.

    Raises:
        UsageError: there is none, or several.
    """
    known = list_keys(folder)
    if name is None:
        known = [key for key in known if key.own]
        if len(known) == 1:
            return known[0]
        told = ", ".join(f"`{key.name}`" for key in known)
        raise UsageError(
            f"there are several keys: {told}" if known else "there is no key to sign with",
            where=str(folder),
            hint="name one with `--key NAME`"
            if known
            else "`bakeoff keys new NAME` makes one; `--unsigned` does without",
        )
    for key in known:
        if key.name == name:
            return key
    raise UsageError(
        f"there is no key `{name}`",
        where=str(folder),
        hint=f"known: {', '.join(key.name for key in known) or 'none; `bakeoff keys new NAME` makes one'}",
    )


def read_public(path: Path) -> Key:
    """Read the file of a public key.

    Raises:
        UsageError: it is none.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST).decode("ascii")
        body = text.split(_BEGIN, 1)[1].split(_END, 1)[0]
        raw = base64.b64decode("".join(body.split()), validate=True)
    except OSError as error:
        raise UsageError(f"the key cannot be read: {error.strerror}", where=str(path)) from error
    except (IndexError, UnicodeDecodeError, binascii.Error):
        raw = b""
    if len(raw) != len(_HEAD) + 32 or not raw.startswith(_HEAD):
        raise UsageError(
            "this is no public ed25519 key", where=str(path), hint="`bakeoff keys show NAME` prints one"
        )
    public = raw[len(_HEAD) :]
    own = path.with_suffix(".key").is_file()
    return Key(name=path.stem, id=key_id(public), public=public, path=path, own=own)


def key_id(public: bytes) -> str:
    """Return the short hash that names a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def sign(key: Key, data: bytes) -> bytes:
    """Return the signature of the data.

    Raises:
        UsageError: the private key is not there, others could read it, or it is not this key's.
        PluginError: the package `cryptography` is missing.
    """
    path = key.path.with_suffix(".key")
    _check_package()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415  an extra
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415  an extra

    try:
        mode = path.stat().st_mode
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the private key cannot be read: {error.strerror}", where=str(path)) from error
    if mode & 0o077:
        raise UsageError("others can read this private key", where=str(path), hint=f"chmod 600 {path}")
    try:
        private = load_pem_private_key(text, password=None)
    except (ValueError, TypeError) as error:
        raise UsageError("this is no private key", where=str(path)) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise UsageError("this is no ed25519 key", where=str(path))
    if private.public_key().public_bytes_raw() != key.public:
        raise UsageError(f"this is not the private key of `{key.path.name}`", where=str(path))
    return private.sign(data)


def vouches(public: bytes, signature: bytes, data: bytes) -> bool:
    """Tell whether the signature is that of the data by this key.

    Raises:
        PluginError: the package `cryptography` is missing.
    """
    _check_package()
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  an extra
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415  an extra

    with contextlib.suppress(InvalidSignature, ValueError):
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
        return True
    return False


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"`{name}` is no name for a key",
            hint="letters, digits, `.`, `_` and `-`, a letter or digit first",
        )


@contextlib.contextmanager
def _told(folder: Path) -> Generator[None]:
    """Tell what went wrong while writing keys."""
    try:
        yield
    except FileExistsError as error:
        raise UsageError(
            "there is a key of this name already",
            where=str(error.filename or folder),
            hint="choose another name",
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot write: {error.strerror}", where=str(folder), hint="choose another folder with `--keys`"
        ) from error


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a new file that nobody else can have opened before it has its mode."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)


def _check_package() -> None:
    try:
        import_module("cryptography.hazmat.primitives.asymmetric.ed25519")
    except ImportError as error:
        raise PluginError(
            "keys and signatures need the package `cryptography`, which is not installed",
            hint=install_hint("evidence"),
        ) from error
