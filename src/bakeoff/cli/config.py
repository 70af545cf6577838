"""`bakeoff config`: what a spec says, where each value comes from, and what is wrong with it."""

from pathlib import Path

import click

from bakeoff.cli._options import environ, find_spec, json_option

_spec = click.argument("spec", required=False, type=click.Path(dir_okay=False, path_type=Path))


@click.group()
def command() -> None:
    """Show, check or describe the spec file."""


@command.command()
@_spec
@json_option
def show(*, spec: Path | None, as_json: bool) -> None:
    """Print every value with where it came from; secrets as `***`."""
    from bakeoff.cli._terminal import print_document, say, table
    from bakeoff.spec import explain, load_spec

    path = find_spec(spec)
    settings = explain(load_spec(path, environ(), keep_refused=True))
    if as_json:
        print_document({"schema_version": 1, "spec": str(path), "settings": settings})
        return
    say(str(path))
    print_rows = [(one.path, _short(one.value), one.origin) for one in settings]
    say(table(("key", "value", "from"), print_rows))


@command.command()
@click.option("--policy", is_flag=True, help="Of a policy file, which `bakeoff decide` takes.")
def schema(*, policy: bool) -> None:
    """Print the JSON schema of the spec file, for editors."""
    from bakeoff.cli._terminal import print_document
    from bakeoff.spec import policy_schema
    from bakeoff.spec import schema as spec_schema

    print_document(policy_schema() if policy else spec_schema())


@command.command()
@_spec
@json_option
def validate(*, spec: Path | None, as_json: bool) -> None:
    """List every mistake in the spec, then read its data and fill its templates; exit 2 for any mistake."""
    from bakeoff.cli._terminal import print_document, say
    from bakeoff.run.rehearsal import rehearse
    from bakeoff.spec import load_spec

    path = find_spec(spec)
    loaded = load_spec(path, environ())
    cases = rehearse(loaded)
    models = [model.name for model in loaded.spec.models]
    if as_json:
        print_document({"schema_version": 1, "spec": str(path), "models": models, "cases": cases})
        return
    say(f"ok: {path}")
    say(f"models      {', '.join(models)}")
    say("benchmarks  " + (", ".join(f"{name} ({count} cases)" for name, count in cases.items()) or "none"))


def _short(value: object) -> str:
    """Return a value in one line."""
    import msgspec

    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    line = text.replace("\n", "\\n")
    return line if len(line) <= 60 else f"{line[:59]}…"
