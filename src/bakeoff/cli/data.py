"""`bakeoff data`: look at data sets before they are asked."""

from pathlib import Path

import click

from bakeoff.cli._options import environ, find_spec, json_option

_SPECS = (".yaml", ".yml")


@click.group()
def command() -> None:
    """Look at data sets: what is in them, and what is wrong with them."""


@command.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--type", "kind", default=None, help="Dataset that reads FILE, where its name does not tell.")
@click.option("--benchmark", default=None, help="Only this benchmark of a spec.")
@json_option
def card(*, file: Path | None, kind: str | None, benchmark: str | None, as_json: bool) -> None:
    """Show the card of a data file, or of each benchmark of a spec.

    A card counts rows and fields, duplicates, examples that give test rows away, the balance of the right
    answers and lengths, and gives the hash of the content. FILE is a data file or a spec; without it, the
    nearest bakeoff.yaml is read. No model is needed, and no variable for one.
    """
    from bakeoff.cli._terminal import print_document, say
    from bakeoff.run.cards import as_markdown, card_of_file, cards_of_spec
    from bakeoff.spec import load_stored_spec

    path = file or find_spec(None)
    if kind is None and path.suffix.lower() in _SPECS:
        loaded = load_stored_spec(path, environ(), base=path.parent, for_requests=False)
        cards = cards_of_spec(loaded.spec, loaded.base, benchmark)
    else:
        cards = [card_of_file(path, kind)]
    if as_json:
        print_document({"schema_version": 1, "data": cards})
    else:
        say(as_markdown(cards))
