"""A small promptfoo configuration, and loading it with changes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bakeoff.errors import SpecErrorGroup
from bakeoff.spec import LoadedSpec, load_spec

KEYS = {"OPENAI_API_KEY": "sk-1", "MY_KEY": "mine", "GROQ_API_KEY": "g"}
LOCAL = {"apiBaseUrl": "http://127.0.0.1:9/v1"}
BASE: dict[str, Any] = {
    "description": "My first, eval!",
    "prompts": ["Say {{greeting}} to {{name}}"],
    "providers": ["openai:chat:gpt-4o"],
    "tests": [
        {
            "vars": {"greeting": "hi", "name": ["Ann", "Bob"]},
            "assert": [{"type": "contains", "value": "x"}],
        }
    ],
}


class Config:
    """The configuration in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def loaded(
        self, files: dict[str, str] | None = None, keys: dict[str, str] = KEYS, **changes: Any
    ) -> LoadedSpec:
        """Write the configuration with changes, and further files beside it, and load it."""
        for name, content in (files or {}).items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(content)
        config = {key: value for key, value in (BASE | changes).items() if value is not None}
        path = self.folder / "promptfooconfig.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return load_spec(path, keys)

    def refused(self, *args: Any, **changes: Any) -> list[str]:
        """Return the mistakes, each with its place."""
        with pytest.raises(SpecErrorGroup) as caught:
            self.loaded(*args, **changes)
        return [f"{error.where} {error.message}" for error in caught.value.errors]
