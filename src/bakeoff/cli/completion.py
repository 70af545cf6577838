"""`bakeoff completion`: the script that makes a shell complete commands and options."""

import click

_HOW = {
    "bash": 'eval "$(bakeoff completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(bakeoff completion zsh)" in ~/.zshrc',
    "fish": "bakeoff completion fish > ~/.config/fish/completions/bakeoff.fish",
}


@click.command(epilog="  \n".join(f"{shell}: {line}" for shell, line in _HOW.items()))
@click.argument("shell", type=click.Choice(list(_HOW)))
def command(*, shell: str) -> None:
    """Print the completion script of SHELL on stdout."""
    from click.shell_completion import get_completion_class

    from bakeoff.cli._app import app

    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(app, {}, "bakeoff", "_BAKEOFF_COMPLETE").source())
