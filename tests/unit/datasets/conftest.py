"""A promptfoo configuration in a temporary folder, read as cases."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from bakeoff.datasets.promptfoo import Promptfoo
from bakeoff.records import Case


@pytest.fixture
def cases(tmp_path: Path):
    """Return a function from a configuration and further files to the cases."""

    def read(config: dict[str, Any] | str, files: dict[str, str] | None = None, **options: Any) -> list[Case]:
        for name, content in (files or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        text = (
            config
            if isinstance(config, str)
            else yaml.safe_dump({"prompts": ["x"], **config}, sort_keys=False)
        )
        (tmp_path / "promptfooconfig.yaml").write_text(text)
        dataset = Promptfoo(path="promptfooconfig.yaml", **options)
        return list(dataset.cases(tmp_path, Random(1)))

    return read
