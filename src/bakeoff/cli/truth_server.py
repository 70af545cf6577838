"""`bakeoff truth-server`: an endpoint of exactly known timing, to check any load tool with."""

import click


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Serve an OpenAI endpoint that records when it wrote each token, and tells at /truth.

    All options are the server's own: `bakeoff truth-server --help` lists them.
    """
    from bakeoff.testing.truth.__main__ import main

    ctx.exit(main(ctx.args))
