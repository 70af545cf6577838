"""Every exception of bakeoff: one tree, each leaf with its exit code.

A message says what is wrong, where, and what to do (`hint`).
"""


def install_hint(*extras: str) -> str:
    """Return the command that installs extras, as a hint; bakeoff is installed from its clone."""
    return f"from the clone: `.venv/bin/pip install -c constraints.txt '.[{','.join(extras)}]'`"


class BakeoffError(Exception):
    """Base of all errors that bakeoff raises on purpose."""

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class UsageError(BakeoffError):
    """The command line, the spec or a data file is wrong; nothing was started."""

    exit_code = 2


class SpecError(UsageError):
    """One mistake in a spec file, with its place."""


class SpecErrorGroup(UsageError):  # noqa: N818  a group of errors, as ExceptionGroup is
    """All mistakes found in a spec, at once."""

    def __init__(self, errors: list[SpecError]) -> None:
        count = len(errors)
        super().__init__(f"{count} mistake{'s' if count != 1 else ''} in the spec")
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class DataError(UsageError):
    """A data set cannot be read; the message names file and line."""


class PluginError(UsageError):
    """An implementation is unknown, or its package is missing."""


class TemplateError(UsageError):
    """A prompt template cannot be rendered."""


class EndpointError(BakeoffError):
    """An endpoint cannot be reached, refuses the key, or does not answer as its provider expects."""

    exit_code = 4


class WireError(BakeoffError):
    """One HTTP exchange failed; `kind` says how, `sent_at` when the request had gone out (monotonic ns)."""

    exit_code = 4

    def __init__(
        self, kind: str, message: str, *, where: str = "", hint: str = "", sent_at: int | None = None
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.kind = kind
        self.sent_at = sent_at


class DeployError(BakeoffError):
    """A model server could not be fetched, started or stopped."""

    exit_code = 4


class WeightsError(DeployError):
    """Model weights are missing, corrupt or not the pinned ones."""


class StoreError(BakeoffError):
    """A run directory cannot be written or read."""


class NoRoomError(StoreError):
    """An archive cannot be unpacked here: the disk is full, or its folder refuses files.

    Nothing is said of the archive, so the exit code is not the one of an archive that fails.
    """

    exit_code = 2


class RunLockedError(StoreError):
    """Another process is writing this run."""

    exit_code = 2


class InterruptedRun(BakeoffError):  # noqa: N818  an interrupt is no error
    """The user stopped the run; what was measured is stored."""

    exit_code = 130
