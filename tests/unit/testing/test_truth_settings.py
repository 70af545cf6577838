"""Settings of the truth server, read from text and JSON."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.errors import UsageError
from bakeoff.testing.truth import Fault, TruthSettings, merge, parse
from bakeoff.testing.truth.__main__ import main
from bakeoff.testing.truth.settings import seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [("50ms", 0.05), ("10us", 1e-5), ("1.5s", 1.5), ("2m", 120), ("0.25", 0.25), (".5s", 0.5)],
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "soon", "-1s", "5 h", "1,5s"])
def test_wrong_durations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no duration"):
        seconds(text)


def test_settings_from_text() -> None:
    found = parse("ttft=50ms,itl=10ms,tokens=7,crlf,done=false,role=early,faults=429:0.1+cut:every3@5")
    assert (found.ttft, found.itl, found.tokens, found.crlf, found.done) == (0.05, 0.01, 7, True, False)
    assert found.role == "early"
    assert found.faults == (Fault(kind="429", share=0.1), Fault(kind="cut", every=3, after=5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tfft=1", "Did you mean `ttft`"),
        ("tokens=many", "does not fit"),
        ("tokens_per_chunk=0", "does not fit"),
        ("role=late", "does not fit"),
        ("faults=430", "is no fault"),
        ("faults=429:2", "does not fit"),
        ("faults=cutt", "Did you mean `cut`"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(text)


def test_what_is_not_named_stays() -> None:
    base = TruthSettings(ttft=1, tokens=5, models={"a": TruthSettings(tokens=2)})
    found = merge(base, {"tokens": 6})
    assert found == msgspec.structs.replace(base, tokens=6)


def test_models_start_from_the_settings_beside_them() -> None:
    found = merge(TruthSettings(tokens=3), {"itl": "5ms", "models": {"a": {"ttft": "1s"}, "b": {}}})
    assert found.models["a"] == TruthSettings(tokens=3, itl=0.005, ttft=1)
    assert found.models["b"] == TruthSettings(tokens=3, itl=0.005)


@given(
    st.builds(
        TruthSettings,
        ttft=st.floats(0, 10),
        tokens=st.integers(0, 99),
        answers=st.dictionaries(st.text(), st.text()),
        faults=st.tuples(st.builds(Fault, kind=st.sampled_from(["429", "cut"]), share=st.floats(0, 1))),
    )
)
def test_settings_survive_json(settings: TruthSettings) -> None:
    settings = msgspec.structs.replace(settings, models={"m": settings})
    assert merge(TruthSettings(), msgspec.json.decode(msgspec.json.encode(settings))) == settings


def test_a_word_that_a_setting_does_not_take_is_answered_with_those_it_takes() -> None:
    with pytest.raises(UsageError, match=r"there is no answer `tabel`.*Did you mean `table`") as caught:
        parse("answer=tabel")
    assert "arithmetic" in str(caught.value.hint)


def test_the_help_explains_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "--role with_first|early|none" in told
    assert "--ttft VALUE from the request to the first token" in told
    assert "--stall VALUE seconds for which nothing is written" in told
