import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.plugins import PluginError, create
from bakeoff.records import Case, Sample
from bakeoff.scorers.similar import Similar, SimilarDot, SimilarEuclidean

SAMPLE = Sample(benchmark="b", case="c", target="t", outcome="ok")
VECTORS = {
    "up": [0.0, 2.0],
    "up too": [0.0, 4.0],
    "right": [1.0, 0.0],
    "down": [0.0, -1.0],
    "none": [0.0, 0.0],
}


@asynccontextmanager
async def endpoint(answer, seen):
    """Serve one answer for every request on loopback; `seen` gets the requests."""

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = next(
            int(line.split(":")[1])
            for line in head.split("\r\n")
            if line.lower().startswith("content-length")
        )
        body = json.loads(await reader.readexactly(size))
        seen.append((head, body))
        status, content = answer(body) if callable(answer) else answer
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(content), content))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def embeddings(body):
    data = [{"index": at, "embedding": VECTORS[text]} for at, text in enumerate(body["input"])]
    return 200, json.dumps({"data": data[::-1]}).encode()


def graded(answer, case=None, served=embeddings, kind=Similar, **options):
    seen = []

    async def run():
        async with endpoint(served, seen) as url:
            scorer = kind(endpoint=url, model="m", **options)
            return await scorer.grade(answer, case or Case(reference="up"), SAMPLE)

    return asyncio.run(run()), seen


@pytest.mark.parametrize(
    ("kind", "answer", "value", "passed"),
    [
        (Similar, "up", 1.0, True),
        (Similar, "up too", 1.0, True),
        (Similar, "right", 0.0, False),
        (Similar, "down", 0.0, False),
        (Similar, "none", 0.0, False),
        (SimilarDot, "up too", 1.0, True),
        (SimilarDot, "right", 0.0, False),
        (SimilarEuclidean, "up", 1.0, True),
        (SimilarEuclidean, "up too", 1 / 3, False),
    ],
)
def test_the_vectors_decide(kind, answer, value, passed):
    result, _ = graded(answer, kind=kind)
    assert result.value == pytest.approx(value)
    assert result.passed is passed


def test_one_request_asks_for_all_texts_and_carries_the_key():
    result, seen = graded("up", Case(reference="right", accepted=("up too",)), api_key="k-1")
    assert result.passed
    [(head, body)] = seen
    assert "POST /v1/embeddings " in head
    assert "Authorization: Bearer k-1" in head
    assert body == {"model": "m", "input": ["up", "right", "up too"], "encoding_format": "float"}


@pytest.mark.parametrize(
    ("served", "words"),
    [
        ((500, b"key k-1 is bad"), "HTTP 500 : key *** is bad"),
        ((200, b"no"), "holds no vectors"),
        ((200, b'{"data": []}'), "0 vectors for 2 texts"),
        ((200, b'{"data": [{"embedding": [1]}, {"embedding": [1, 2]}]}'), "1 and 2 numbers"),
        ((200, b'{"data": [{"embedding": []}, {"embedding": []}]}'), "0 and 0 numbers"),
    ],
)
def test_a_failed_request_gives_no_grade_and_says_why(served, words):
    result, _ = graded("up", served=served, api_key="k-1")
    assert (result.value, result.passed) == (None, None)
    assert words in result.reason


def test_vectors_without_an_index_are_in_order():
    result, _ = graded("up", served=(200, b'{"data": [{"embedding": [1, 0]}, {"embedding": [1, 0]}]}'))
    assert result.passed


def test_nobody_there_gives_no_grade():
    scorer = Similar(endpoint="http://127.0.0.1:9/v1", model="m", timeout=2.0)
    result = asyncio.run(scorer.grade("up", Case(reference="up"), SAMPLE))
    assert result.passed is None
    assert "no similarity" in result.reason


def test_nothing_is_asked_where_nothing_can_be_judged():
    scorer = Similar(endpoint="http://127.0.0.1:9/v1", model="m")
    assert asyncio.run(scorer.grade("up", Case(), SAMPLE)).parsed is None
    assert asyncio.run(scorer.grade(" ", Case(reference="up"), SAMPLE)).passed is False
    assert "half a character" in asyncio.run(scorer.grade("\ud800", Case(reference="up"), SAMPLE)).reason


@pytest.mark.parametrize("name", ["similar", "similar:cosine", "similar:dot", "similar:euclidean"])
def test_each_name_has_its_measure(name):
    scorer = create("scorers", name, {"endpoint": "http://127.0.0.1:9/v1", "model": "m"})
    assert scorer.measure == name.partition(":")[2] or "cosine"
    with pytest.raises(PluginError, match="no http"):
        create("scorers", name, {"endpoint": "ftp://x", "model": "m"})


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3),
    st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3),
)
def test_measures_are_symmetric(left, right):
    for measure in ("cosine", "dot", "euclidean"):
        scorer = Similar(endpoint="http://127.0.0.1:9/v1", model="m", measure=measure)
        assert scorer._measure(left, right) == pytest.approx(scorer._measure(right, left))
    assert abs(Similar(endpoint="http://a", model="m")._measure(left, right)) <= 1 + 1e-9
