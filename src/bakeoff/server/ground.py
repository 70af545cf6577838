"""What there must be before a server or a worker begins: a folder of its own, and a way to confine code."""

import os
from pathlib import Path

from bakeoff.errors import StoreError, UsageError
from bakeoff.sandbox import unconfinable
from bakeoff.server.endpoints import is_origin
from bakeoff.server.settings import Settings

_OTHERS = 0o007


def prepare(settings: Settings) -> None:
    """Make the data folder, which others of this machine cannot read, and check that code can be confined.

    A group that an existing folder was given to keeps it.

    Raises:
        UsageError: code of users is allowed, and this machine cannot confine it.
        StoreError: the folder cannot be made or written.
    """
    check_code(settings)
    try:
        _make(settings)
    except OSError as error:
        raise StoreError(
            f"the data folder cannot be made or written: {error.strerror}",
            where=str(error.filename or settings.data),
            hint="give one that this user may write: `--data FOLDER`",
        ) from error


def _make(settings: Settings) -> None:
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (settings.jobs, settings.files):
        folder.mkdir(mode=0o700, exist_ok=True)
        _close_to_others(folder)
    if settings.database_url is None:
        database = Path(settings.url.removeprefix("sqlite:///"))
        # SQLite gives the files beside it the mode of this one.
        os.close(os.open(database, os.O_RDWR | os.O_CREAT, 0o600))
        _close_to_others(database)


def check_code(settings: Settings) -> None:
    """Refuse to run code of users where nothing would stand between it and this machine.

    Raises:
        UsageError: with the reason, and what to do.
    """
    if settings.allow_code and (reason := unconfinable()):
        raise UsageError(
            f"`--allow-code`: {reason}",
            hint="let this process make user and mount namespaces, which seccomp or AppArmor forbid in many "
            "containers, or start without `--allow-code`",
        )


def check_options(settings: Settings) -> None:
    """Refuse what could never be used: an origin that is none, a secret that is not set.

    Raises:
        UsageError: with the option, and what to write.
    """
    for text in settings.endpoints:
        if not is_origin(text):
            raise UsageError(
                f"--allow-endpoint: `{text}` is no origin",
                hint=f"write it with its scheme, such as http://{text.rpartition('://')[2] or 'host:port'}",
            )
    for name in settings.secrets:
        if name not in os.environ:
            raise UsageError(f"--secret: the variable `{name}` is not set", hint=f"export {name}=…")


def _close_to_others(path: Path) -> None:
    mode = path.stat().st_mode
    if mode & _OTHERS:
        path.chmod(mode & ~_OTHERS)
