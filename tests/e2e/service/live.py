"""What the tests of real clients share: the service under test, its sums, and how to wait.

The model computes sums (a truth server with `answer="arithmetic"`), so every score is known before.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import httpx
import msgspec

_T = TypeVar("_T")

# Asked, what the dataset holds for right, and the model's answer. The last one is wrong on purpose.
SUMS = (("2 + 3", "5", "5"), ("7 - 4", "3", "3"), ("6 * 7", "42", "42"), ("8 + 1", "10", "9"))
RIGHT = 3
SHARE = 0.75
MANY = 400
SECONDS = 60.0


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A running service and the endpoint behind it.

    Attributes:
        url: its base address, without a path.
        endpoint: the base URL of the OpenAI API that computes, with `/v1`.
        model: a model there, registered with the service under this name.
        slow: another one, registered too, that takes half a second for an answer.
        key: an API key that may do everything, None where the service asks for none.
    """

    url: str
    endpoint: str
    model: str
    slow: str
    key: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Return what a request without any client library sends."""
        return {} if self.key is None else {"Authorization": f"Bearer {self.key}"}


def row(asked: str, right: str) -> dict[str, str]:
    """Return one row with the columns of every dialect."""
    question = f"What is {asked}?"
    message = msgspec.json.encode([{"role": "user", "content": question}]).decode()
    return {"input_query": question, "expected_answer": right, "chat_completion_input": message}


def rows() -> list[dict[str, str]]:
    """Return the rows of the sums."""
    return [row(asked, right) for asked, right, _ in SUMS]


def many_rows() -> list[dict[str, str]]:
    """Return so many different rows that a slow model is busy until the test has cancelled it."""
    return [row(f"{left} + 1", str(left + 1)) for left in range(MANY)]


def post(service: Service, path: str, body: object) -> httpx.Response:
    """Send a JSON body."""
    answer = httpx.post(f"{service.url}{path}", json=body, headers=service.headers, timeout=SECONDS)
    answer.raise_for_status()
    return answer


def store_rows(service: Service, dataset: str, items: list[dict[str, str]]) -> str:
    """Keep rows under a name; NeMo's clients find `namespace/name` as `hf://datasets/namespace/name/...`."""
    source = {"type": "rows", "rows": items}
    body = {"dataset_id": dataset, "purpose": "eval/question-answer", "source": source}
    post(service, "/v1beta/datasets", body)
    return dataset


def store_benchmark(service: Service, benchmark: str, dataset: str) -> str:
    """Register a benchmark that compares answers with `basic::equality`."""
    body = {"benchmark_id": benchmark, "dataset_id": dataset, "scoring_functions": ["basic::equality"]}
    post(service, "/v1alpha/eval/benchmarks", body)
    return benchmark


def until(ask: Callable[[], _T], done: Callable[[_T], bool]) -> _T:
    """Ask again until the answer is what is waited for."""
    end = time.monotonic() + SECONDS
    while True:
        found = ask()
        if done(found):
            return found
        assert time.monotonic() < end, f"still {found!r}"
        time.sleep(0.05)
