"""A real Chromium with its network cut off, driven through ChromeDriver's own protocol."""

import base64
import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://127.0.0.1:1",
]


class Browser:
    """A WebDriver session; each method is one command of the protocol."""

    def __init__(self, address: str, profile: Path) -> None:
        self.address = address
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        answer = self.send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.address += f"/session/{answer['sessionId']}"

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, method=method)
        # An environment's proxy would take even loopback calls out of the machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def cdp(self, command: str, **params: Any) -> Any:
        return self.send("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, path: Path) -> None:
        self.send("POST", "/url", {"url": path.as_uri()})

    def run(self, script: str) -> Any:
        return self.send("POST", "/execute/sync", {"script": script, "args": []})

    def click(self, selector: str) -> None:
        self.send("POST", f"/element/{self.find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        self.send("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def find(self, selector: str) -> str:
        found = self.send("POST", "/element", {"using": "css selector", "value": selector})
        return str(next(iter(found.values())))

    def log(self, kind: str) -> list[dict[str, Any]]:
        return list(self.send("POST", "/se/log", {"type": kind}))

    def requests(self) -> list[str]:
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.send("GET", "/screenshot")))


# What the tests of every report ask of a page.
OPEN = "for (const folded of document.querySelectorAll('details.more')) folded.open = true;"
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
BOXES = (
    "return [...document.querySelectorAll('figure svg')].map(s => {"
    "const b = s.getBoundingClientRect(); return [b.width, b.height]})"
)
OVERLAPS = """
    const found = [];
    for (const svg of document.querySelectorAll('figure svg')) {
      const box = svg.getBoundingClientRect();
      const found_texts = [...svg.querySelectorAll('text')];
      const texts = found_texts.map(t => [t.textContent, t.getBoundingClientRect()]);
      texts.forEach(([a, p], i) => {
        if (p.left < box.left - 1 || p.right > box.right + 1) found.push(`${a} leaves the chart`);
        texts.slice(i + 1).forEach(([b, q]) => {
          const x = Math.min(p.right, q.right) - Math.max(p.left, q.left);
          const y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
          if (x > 1 && y > 2) found.push(`${svg.querySelector('title').textContent}: ${a} | ${b}`);
        });
      });
    }
    return found;
"""
