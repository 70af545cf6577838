"""`python -m bakeoff`: the same as the `bakeoff` command."""

from bakeoff.cli import main

main()
