"""bakeoff: which LLM should a team run, proved by measurement."""

__version__ = "0.1.0"
