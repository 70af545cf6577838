"""`bakeoff models`: which models there are, and what their endpoints can do."""

import os
from pathlib import Path

import click

from bakeoff.cli._options import environ, find_spec, json_option


@click.group()
def command() -> None:
    """List models, and find out what their endpoints can do."""


@command.command("list")
@click.argument("spec", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--endpoint", metavar="URL", help="List what this server serves, in place of a spec.")
@click.option("--api-key-env", metavar="NAME", help="Environment variable that holds its key.")
@json_option
def list_(*, spec: Path | None, endpoint: str | None, api_key_env: str | None, as_json: bool) -> None:
    """List the models of a spec, or those that an endpoint serves."""
    from bakeoff.cli._terminal import print_document, say, table
    from bakeoff.run import probing
    from bakeoff.run.loop import run_async
    from bakeoff.spec import load_spec

    if endpoint is not None:
        names = run_async(probing.list_served(endpoint, api_key=_key(api_key_env)))
        rows = [(name, endpoint) for name in names]
    else:
        models = load_spec(find_spec(spec), environ()).spec.models
        rows = [(model.name, model.endpoint or model.source or "-") for model in models]
    if as_json:
        print_document({"schema_version": 1, "models": [{"name": name, "at": at} for name, at in rows]})
    else:
        say(table(("model", "at"), rows) if rows else "no model is listed")


@command.command("probe")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option("--spec", type=click.Path(dir_okay=False, path_type=Path), help="Spec that names the models.")
@click.option("--endpoint", metavar="URL", help="Probe this server, in place of a spec.")
@click.option("--model", help="Model to ask there.  [default: the first that it lists]")
@click.option("--api-key-env", metavar="NAME", help="Environment variable that holds its key.")
@click.option("--fresh", is_flag=True, help="Ask also what was seen less than a day ago.")
@json_option
def probe_(
    *,
    names: tuple[str, ...],
    spec: Path | None,
    endpoint: str | None,
    model: str | None,
    api_key_env: str | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Ask endpoints what they can do: about twenty small requests each, nothing is assumed.

    A model that has no endpoint is started for it, and stopped. What a server elsewhere was seen to do is
    remembered for a day, and its age is shown.
    """
    from bakeoff.cli._capabilities import as_table
    from bakeoff.cli._terminal import print_document, say
    from bakeoff.run import probing
    from bakeoff.run.loop import run_async
    from bakeoff.run.remembering import notebook
    from bakeoff.spec import load_spec

    book = notebook(fresh=fresh)
    if endpoint is not None:
        asked = probing.probe_endpoint(endpoint, model=model, api_key=_key(api_key_env), book=book)
        found = [run_async(asked)]
    else:
        loaded = load_spec(find_spec(spec), environ())

        def tell(line: str) -> None:
            click.echo(line, err=True)

        found = run_async(probing.probe_models(loaded, names, tell, book=book))
    if as_json:
        print_document({"schema_version": 1, "capabilities": found})
    else:
        say(as_table(found))


def _key(name: str | None) -> str | None:
    from bakeoff.errors import UsageError

    if name is None:
        return None
    if not os.environ.get(name):
        raise UsageError(f"the variable `{name}` is not set", hint=f"export {name}=…")
    return os.environ[name]
