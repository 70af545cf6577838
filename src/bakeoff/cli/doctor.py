"""`bakeoff doctor`: can this machine measure, and what can an endpoint do?"""

import os
from pathlib import Path

import click

from bakeoff.cli._options import json_option, out_option

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--endpoint", metavar="URL", help="Base URL of an OpenAI-compatible server, with /v1.")
@click.option("--model", help="Model to ask there.  [default: the first that it lists]")
@click.option("--api-key-env", metavar="NAME", help="Environment variable that holds the key.")
@out_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    endpoint: str | None,
    model: str | None,
    api_key_env: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Check this machine and, if named, an endpoint; each problem with its fix.

    Exits 1 when a check failed, 4 when one of the endpoint did.
    """
    from bakeoff.cli._terminal import print_document, say
    from bakeoff.run import doctor, probe
    from bakeoff.run.loop import run_async

    key = _key(api_key_env)

    async def work() -> list[doctor.Check]:
        found = await doctor.machine_checks(out)
        if endpoint is not None:
            found += await probe.endpoint_checks(endpoint, model=model, api_key=key)
        return found

    found = run_async(work())
    code = doctor.exit_code(found)
    if as_json:
        print_document({"schema_version": 1, "exit_code": code, "checks": found})
        ctx.exit(code)
    width = max(len(check.name) for check in found)
    for check in found:
        say(f"{check.state:<5}", fg=_COLOURS[check.state], nl=False)
        say(f"{check.name:<{width}}  {check.text}")
        if check.fix:
            say(f"     {'':<{width}}  fix: {check.fix}")
    ctx.exit(code)


def _key(name: str | None) -> str | None:
    from bakeoff.errors import UsageError

    if name is None:
        return None
    if not os.environ.get(name):
        raise UsageError(f"the variable `{name}` is not set", hint=f"export {name}=…")
    return os.environ[name]
