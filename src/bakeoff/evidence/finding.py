"""What verifying found wrong, and where."""

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be.

    Attributes:
        check: which check found it.
        text: what is wrong.
        file: where, within the archive or the run.
        line: of the file, from 1; None where no single line can be named.
        key: of the record: benchmark, case, target, repeat, stage, and the scorer of a score.
        field: of the record or the document.
        stored: what stands there.
        computed: what should stand there.
    """

    check: str
    text: str
    file: str = ""
    line: int | None = None
    key: str = ""
    field: str = ""
    stored: str | None = None
    computed: str | None = None

    @property
    def where(self) -> str:
        """Return file, line, record and field in one text."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ", ".join(part for part in (place, self.key, self.field) if part)
