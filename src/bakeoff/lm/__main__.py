"""`python -m bakeoff.lm`: the command `lm_eval` with the model `bakeoff`."""

import sys

import click

from bakeoff.errors import BakeoffError
from bakeoff.lm.registering import harness_module, register


def main() -> None:
    """Run lm-eval's command line; a mistake or a failed endpoint ends it with bakeoff's exit code."""
    try:
        register()
        harness_module("lm_eval.__main__").cli_evaluate()
    except BakeoffError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted; answers that a `store` was to keep are kept", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
