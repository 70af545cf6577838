"""`bakeoff doctor`: can this machine measure, and what can an endpoint do?"""

from pathlib import Path

import click

from bakeoff.cli._options import environ, json_option, out_option

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--endpoint", metavar="URL", help="Base URL of an OpenAI-compatible server, with /v1.")
@click.option("--model", help="Model to ask there.  [default: the first that it lists]")
@click.option(
    "--api-key-env", metavar="NAME", help="Variable that holds the key, in the environment or in .env."
)
@click.option("--calibrate", is_flag=True, help="Also find this machine's own limits as a client.")
@click.option(
    "--calibrate-seconds",
    type=click.FloatRange(min=0.1, max=25),
    default=25.0,
    show_default=True,
    help="About how long that may take; less time gives rougher limits.",
)
@out_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    calibrate: bool,
    calibrate_seconds: float,
    out: Path,
    as_json: bool,
    **asked: str | None,
) -> None:
    """Check this machine and, if named, an endpoint; each problem with its fix.

    Exits 1 when a check failed, 4 when one of the endpoint did.
    """
    from bakeoff.cli._terminal import print_document, say
    from bakeoff.run import doctor, probe
    from bakeoff.run.loop import run_async

    endpoint, key = asked["endpoint"], _key(asked["api_key_env"])

    async def work() -> list[doctor.Check]:
        found = await doctor.machine_checks(out)
        if endpoint is not None:
            found += await probe.endpoint_checks(endpoint, model=asked["model"], api_key=key)
        return found

    found = run_async(work())
    code = doctor.exit_code(found)
    limits = None
    if calibrate:
        from bakeoff.cli._limits import measure_limits

        limits = measure_limits(calibrate_seconds)
    if as_json:
        print_document({"schema_version": 1, "exit_code": code, "checks": found, "calibration": limits})
        ctx.exit(code)
    width = max(len(check.name) for check in found)
    for check in found:
        say(f"{check.state:<5}", fg=_COLOURS[check.state], nl=False)
        say(f"{check.name:<{width}}  {check.text}")
        if check.fix:
            say(f"     {'':<{width}}  fix: {check.fix}")
    if limits is not None:
        from bakeoff.cli._limits import print_limits

        print_limits(limits)
    ctx.exit(code)


def _key(name: str | None) -> str | None:
    """Return the key from where a spec in this folder would take it."""
    from bakeoff.errors import UsageError
    from bakeoff.spec import variables_at

    if name is None:
        return None
    value = variables_at(Path(), environ()).get(name)
    if not value:
        raise UsageError(
            f"the variable `{name}` is not set", hint=f"`export {name}=…`, or put `{name}=…` in `.env`"
        )
    return value
