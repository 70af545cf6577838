"""The answer means what the reference means, by the vectors of an embeddings endpoint."""

import math
import operator
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from bakeoff.errors import UsageError, WireError
from bakeoff.records import Call, Case, Grade, Sample, TimeoutSpec
from bakeoff.records.units import Seconds
from bakeoff.scorers import _expected
from bakeoff.wire import Client, make_route

_EPSILON = 2.0**-52
_Threshold = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]


class _Vector(msgspec.Struct, frozen=True, gc=False):
    embedding: list[float]
    index: int | None = None


class _Answer(msgspec.Struct, frozen=True, gc=False):
    data: list[_Vector]


class _Failed(Exception):  # noqa: N818  what became of the request
    """There are no vectors; the message says why."""


class Similar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure how near an answer is to the reference, by their vectors from an embeddings endpoint.

    Of several references the best counts. `cosine` and `dot` pass from the threshold on, and give themselves
    as value, brought into 0..1; `euclidean` passes up to the threshold, and gives 1 / (1 + distance). One
    request in the OpenAI form is sent for each answer; where it fails, the score is `judge_failed`, in no
    rate, and the reason says why. promptfoo: `similar` and `similar:cosine`.

    Attributes:
        endpoint: base URL, such as `http://127.0.0.1:8000/v1`.
        model: the name of the embedding model.
        api_key: best given as `${VARIABLE}`; never stored.
        value: one text or several; None for the reference and its accepted forms.
        threshold: passes from here on (`euclidean`: up to here).
        measure: what is computed of two vectors.
        timeout: seconds to wait for the endpoint.
        metric: the metric that it feeds.
    """

    endpoint: str
    model: str
    api_key: str | None = None
    value: str | list[str] | None = None
    threshold: _Threshold = 0.75
    measure: Literal["cosine", "dot", "euclidean"] = "cosine"
    timeout: Seconds = 60.0
    metric: str = "similarity"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)
        try:
            make_route(self.endpoint)
        except UsageError as error:
            raise ValueError(error.message) from error

    async def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return the similarity, and whether it reaches the threshold; asks the endpoint once."""
        expected = _expected.expected_any(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        if not answer.strip():
            # Endpoints refuse an empty text, and it is similar to nothing.
            return _expected.judged(passed=False, parsed="", reason="the answer is empty")
        try:
            given, *references = await self._vectors([answer, *expected.texts])
            found = [self._measure(given, reference) for reference in references]
        except _Failed as error:
            return _expected.failed(self._masked(f"no similarity: {error}"))
        if self.measure == "euclidean":
            best = min(found)
            passed, value = best <= self.threshold + _EPSILON, 1 / (1 + best)
        else:
            best = max(found)
            passed, value = best >= self.threshold - _EPSILON, min(max(best, 0.0), 1.0)
        verb = "passes" if passed else "does not pass"
        reason = f"{self.measure} {best:.4f} {verb} the threshold {self.threshold:g}"
        return Grade(value=value, passed=passed, reason=reason, parsed=answer[:200])

    async def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors of some texts.

        Raises:
            _Failed: the endpoint gave none.
        """
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        route = make_route(self.endpoint, headers=headers)
        try:
            body = msgspec.json.encode({"model": self.model, "input": texts, "encoding_format": "float"})
        except UnicodeEncodeError as error:
            raise _Failed("the text holds half a character") from error
        limits = TimeoutSpec(first_byte=self.timeout, stream=self.timeout, total=self.timeout)
        try:
            async with Client(timeouts=limits, kernel_stamps=False) as client:
                exchange = await client.exchange(route, Call(path="/embeddings", body=body))
        except WireError as error:
            raise _Failed(f"{error.kind}: {error.message}") from error
        if exchange.broken or exchange.status != 200:
            said = exchange.body[:200].decode("utf-8", "replace")
            raise _Failed(f"the endpoint answered HTTP {exchange.status} {exchange.broken}: {said}")
        try:
            data = msgspec.json.decode(exchange.body, type=_Answer).data
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _Failed(f"the endpoint's answer holds no vectors: {error}") from error
        if len(data) != len(texts):
            raise _Failed(f"the endpoint gave {len(data)} vectors for {len(texts)} texts")
        order = sorted(range(len(data)), key=lambda at: _place(data[at], at))
        return [data[at].embedding for at in order]

    def _measure(self, left: Sequence[float], right: Sequence[float]) -> float:
        if len(left) != len(right) or not left:
            raise _Failed(f"the vectors have {len(left)} and {len(right)} numbers")
        if self.measure == "euclidean":
            return math.dist(left, right)
        dot = math.fsum(map(operator.mul, left, right))
        if self.measure == "dot":
            return dot
        length = math.hypot(*left) * math.hypot(*right)
        return dot / length if length else 0.0

    def _masked(self, reason: str) -> str:
        return reason.replace(self.api_key, "***") if self.api_key else reason


class SimilarDot(Similar, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure similarity by the dot product: `similar` with `measure: dot`.

    Attributes:
        endpoint: base URL, as for `similar`.
        model: the name of the embedding model.
        api_key: best given as `${VARIABLE}`; never stored.
        value: one text or several; None for the reference and its accepted forms.
        threshold: passes from here on.
        measure: what is computed of two vectors.
        timeout: seconds to wait for the endpoint.
        metric: the metric that it feeds.
    """

    measure: Literal["cosine", "dot", "euclidean"] = "dot"


class SimilarEuclidean(Similar, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure similarity by the distance: `similar` with `measure: euclidean`.

    Attributes:
        endpoint: base URL, as for `similar`.
        model: the name of the embedding model.
        api_key: best given as `${VARIABLE}`; never stored.
        value: one text or several; None for the reference and its accepted forms.
        threshold: passes up to here.
        measure: what is computed of two vectors.
        timeout: seconds to wait for the endpoint.
        metric: the metric that it feeds.
    """

    measure: Literal["cosine", "dot", "euclidean"] = "euclidean"


def _place(vector: _Vector, at: int) -> int:
    return at if vector.index is None else vector.index
