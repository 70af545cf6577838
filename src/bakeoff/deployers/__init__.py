"""What starts and stops model servers, one file each; files that begin with `_` help them."""

import os
from pathlib import Path

from bakeoff.records import ModelSpec


def weights_cache() -> Path:
    """Return the folder for fetched weights, inside BAKEOFF_CACHE or the user's cache folder."""
    own = os.environ.get("BAKEOFF_CACHE")
    if own:
        return Path(own) / "weights"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "bakeoff" / "weights"


def served_name(model: ModelSpec) -> str:
    """Return the name by which a server knows the model."""
    return model.model or model.model_id or model.name
