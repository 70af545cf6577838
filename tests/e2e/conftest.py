"""The browser that the tests of a module share."""

import os
import subprocess
from collections.abc import Iterator

import pytest
from tests.e2e.chromium import CHROMIUM, DRIVER, Browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs `chromium` and `chromedriver` (Debian: apt-get install chromium chromium-driver)")
    profile = tmp_path_factory.mktemp("chromium")
    environment = os.environ | {"HOME": str(profile)}
    with subprocess.Popen(
        [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            started = next(line for line in process.stdout if "successfully on port" in line)
            port = started.rsplit(maxsplit=1)[-1].rstrip(".")
            session = Browser(f"http://127.0.0.1:{port}", profile / "profile")
            # Chromium's own start page loads parts of its own; the logs begin after it.
            session.send("POST", "/url", {"url": "about:blank"})
            yield session
            session.send("DELETE", "")
        finally:
            process.terminate()
