"""Write a spec with its data from a template; the templates lie beside this file."""

from importlib.resources import files
from pathlib import Path

from bakeoff.errors import StoreError, UsageError
from bakeoff.plugins import suggest

TEMPLATES = {
    "compare": "two endpoints on your own questions: quality, latency, cost",
    "speed": "two endpoints under load: your own prompts and random ones at a fixed rate",
}
_LATER = ("router", "modelops", "judge")
_FILES = {"bakeoff.yaml": "bakeoff.yaml", "cases.jsonl": "data/cases.jsonl", "env.example": ".env.example"}


def write_template(template: str, folder: Path, *, force: bool = False) -> list[Path]:
    """Write a template's files into a folder and return their paths.

    Raises:
        UsageError: there is no such template, or a file exists already.
        StoreError: the folder cannot be written.
    """
    if template not in TEMPLATES:
        known = ", ".join(TEMPLATES)
        if template in _LATER:
            raise UsageError(
                f"the template `{template}` is not available in this version", hint=f"templates: {known}"
            )
        raise UsageError(
            f"there is no template `{template}`.{suggest(template, TEMPLATES)}", hint=f"templates: {known}"
        )
    source = files("bakeoff.run") / "templates" / template
    texts = {folder / place: (source / name).read_bytes() for name, place in _FILES.items()}
    there = [str(path) for path in texts if path.exists()]
    if there and not force:
        raise UsageError(f"already there: {', '.join(there)}", hint="--force overwrites")
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    except OSError as error:
        raise StoreError(f"cannot write: {error.strerror}", where=str(error.filename or folder)) from error
    return list(texts)
