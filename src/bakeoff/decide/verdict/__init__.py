"""Which target to run: constraints, quality, cost, and what the choice hangs on."""
