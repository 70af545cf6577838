"""Learn what prompts cost at a server: a few prompts before anything is measured."""

import msgspec

from bakeoff import clock
from bakeoff.engine.control import Progress
from bakeoff.engine.gate import Gate
from bakeoff.engine.send import Outgoing, held_back, send
from bakeoff.engine.stage import Workshop, record_sample, sending, stage_event
from bakeoff.engine.tally import Tally
from bakeoff.plan import intents
from bakeoff.records import Event, Stage
from bakeoff.words import LengthFeedback, fitted, words_of


async def learn_lengths(shop: Workshop, stage: Stage, gate: Gate | None) -> LengthFeedback | None:
    """Send a calibration stage, each prompt fitted by what those before it cost, and store what was learnt.

    Returns:
        what prompts cost, which is nothing where the server does not count them; None where it was stopped.
    """
    bench, lane = shop.benches[stage.benchmark], shop.lanes[stage.benchmark, stage.target]
    how = sending(shop, stage, gate)
    tally = Tally(total=stage.requests, done=0, meets=None)
    stage_event(shop, "stage_started", stage)
    shop.control.tell(Progress(kind="stage", stage=stage, total=tally.total))
    learnt = LengthFeedback()
    for intent in intents(stage):
        if shop.control.draining:
            return None
        case = fitted(bench.cases[intent.case], learnt)
        request = lane.renderer.render(case)
        out = Outgoing(intent=intent, request=request, call=lane.provider.encode(request, lane.target))
        shop.control.tell(Progress(kind="sent", stage=stage))
        sample = await send(lane, out, how, scheduled_at=clock.now_ns())
        if held_back(sample):
            return None
        record_sample(shop, bench, stage, tally, sample)
        words, tokens = words_of(case), sample.usage.prompt
        if words is None or tokens is None:
            break  # a server that fails, or counts nothing, is not asked again before the load itself
        learnt = learnt.observed(words, tokens)
    _store(shop, stage, tally, learnt)
    return learnt


def _store(shop: Workshop, stage: Stage, tally: Tally, learnt: LengthFeedback) -> None:
    where = {"benchmark": stage.benchmark, "target": stage.target}
    facts = where | {
        "lengths": msgspec.to_builtins(learnt),
        "overhead_tokens": learnt.overhead,
        "tokens_per_word": learnt.tokens_per_word,
    }
    shop.store.add(Event(kind="lengths_learned", at=clock.now_ns() - shop.zero, facts=facts))
    counts = {"samples": tally.done, "failed": tally.failed, "planned": tally.total}
    stage_event(shop, "stage_ended", stage, **counts)
    shop.store.flush()
    shop.control.tell(Progress(kind="done", stage=stage, done=tally.done, total=tally.total))
    if not learnt.n:
        text = f"{stage.target} told no prompt tokens: {stage.benchmark} sends a word for each asked token"
        shop.control.tell(Progress(kind="note", text=text))
