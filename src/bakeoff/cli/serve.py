"""`bakeoff serve`: the evaluation service."""

from pathlib import Path
from typing import Any

import click

from bakeoff.cli._mcp import check_mcp
from bakeoff.cli._serving import place_options, settings_of, work_options


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8600, show_default=True, help="Port to listen on."
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Worker processes beside the server, each with one job at a time.",
)
@click.option("--require-keys", "keys_required", is_flag=True, help="Ask for API keys on this machine too.")
@click.option(
    "--rate",
    type=click.IntRange(min=0),
    help="Calls per minute of one key; 0: no limit.  [default: 6000 where keys are required]",
)
@click.option("--max-upload", "most_upload", type=click.IntRange(min=1), help="Bytes of one uploaded file.")
@click.option("--mcp", is_flag=True, help="Offer tools for agents at /mcp, by the Model Context Protocol.")
@click.option(
    "--tls-cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Certificate, as PEM."
)
@click.option(
    "--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its private key."
)
@place_options
@work_options
def command(*, host: str, port: int, tls_cert: Path | None, tls_key: Path | None, **given: Any) -> None:
    """Serve jobs, results and verdicts over HTTP, with workers beside.

    On this machine no key is needed. Any other --host needs keys (`bakeoff access create`).
    """
    if given["mcp"]:
        check_mcp()
    settings = settings_of(given)
    from bakeoff.server.http.serving import Place, serve

    serve(settings, Place(host=host, port=port, certificate=tls_cert, private_key=tls_key))
