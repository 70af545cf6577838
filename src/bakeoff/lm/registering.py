"""Put the model's name into lm-eval's list; nothing else of lm-eval is touched."""

import importlib
from typing import Any

from bakeoff.errors import PluginError, install_hint

NAME = "bakeoff"
_PLACE = "bakeoff.lm.model:BakeoffLM"


def register() -> None:
    """Let `simple_evaluate(model="bakeoff", …)` and `--model bakeoff` find the model; again does no harm.

    Raises:
        PluginError: lm-eval is not installed.
    """
    registry = harness_module("lm_eval.api.registry").model_registry
    # lm-eval puts its own models there when it finds the list empty, so they go first.
    harness_module("lm_eval.models")
    if NAME not in registry:
        registry.register(NAME, target=_PLACE)


def harness_module(name: str) -> Any:  # noqa: ANN401  lm-eval has no types
    """Import a module of lm-eval, free to use the network as its user wants.

    Raises:
        PluginError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise PluginError(
            f"this needs the package `{error.name}`, which is not installed",
            hint=install_hint("lm-eval"),
        ) from error
