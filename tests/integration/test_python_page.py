"""The code that `docs/how-to/use-from-python.md` shows runs, and gives what it says."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from tests.integration.foreign import write_guidellm, write_lm_eval

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-from-python.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models on 200 sums, and 100 requests to one of them."""
    monkeypatch.chdir(tmp_path)
    large = [float(number % 19 != 0 and number % 17 != 0) for number in range(200)]
    write_lm_eval(tmp_path, "large", large)
    write_lm_eval(tmp_path, "small", [one * (number % 8 != 3) for number, one in enumerate(large)])
    write_guidellm(
        tmp_path / "speed-of-small.json", "small", [0.2 if n % 9 == 0 else 0.1 for n in range(100)]
    )


def run_block(block: str, names: dict[str, Any]) -> list[str]:
    """Run a block and return the lines that gave something else than they say."""
    wrong: list[str] = []
    lines = block.splitlines()
    for node in ast.parse(block).body:
        line = lines[(node.end_lineno or 1) - 1]
        source = ast.get_source_segment(block, node) or ""
        if not isinstance(node, ast.Expr):
            exec(source, names)
            continue
        said = line.partition("# -> ")[2].strip()
        found = repr(eval(source, names))
        if found != said:
            wrong.append(f"{line}\n  gives {found}")
    return wrong


@pytest.mark.usefixtures("files")
def test_the_code_gives_what_the_page_says() -> None:
    names: dict[str, Any] = {}
    wrong = [line for block in BLOCKS for line in run_block(block, names)]
    assert len(BLOCKS) >= 5
    assert not wrong, "\n".join(wrong)
