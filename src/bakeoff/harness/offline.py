"""Keep Hugging Face's libraries from the network while they work for lm-eval."""

import os
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

_VARIABLES = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE")
_SWITCHES = (
    ("huggingface_hub.constants", "HF_HUB_OFFLINE"),
    ("datasets.config", "HF_HUB_OFFLINE"),
    ("datasets.config", "HF_DATASETS_OFFLINE"),
    ("evaluate.config", "HF_EVALUATE_OFFLINE"),
)


@contextmanager
def offline() -> Generator[None]:
    """Switch them off, those that are imported already and those that are imported meanwhile.

    `HF_HUB_OFFLINE=0` in the environment leaves them as they are.
    """
    if os.environ.get("HF_HUB_OFFLINE") == "0":
        yield
        return
    with ExitStack() as after:
        for name in _VARIABLES:
            if name not in os.environ:
                os.environ[name] = "1"
                after.callback(os.environ.pop, name)
        for module, name in _SWITCHES:
            found: Any = sys.modules.get(module)
            if found is not None:
                after.callback(setattr, found, name, getattr(found, name))
                setattr(found, name, True)
        yield
