"""What an endpoint can do, each point seen by asking it."""

import msgspec

CAPABILITIES_VERSION = 1


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint was seen to do.

    True is seen, False asked for and not seen, None not asked or not to be told.

    Attributes:
        target: who was asked.
        chat: answers a conversation.
        completions: goes on with a text.
        streaming: sends an answer in more than one piece.
        streaming_usage: ends a stream with token counts when asked to.
        prompt_logprobs: echoes a prompt with the log-probability of each of its tokens.
        token_grammar: forces an answer token by token and tells what each one cost.
        chat_top_logprobs: lists the likeliest tokens of a chat answer.
        completion_top_logprobs: lists the likeliest tokens of a completion.
        structured_output: keeps to a JSON schema.
        tools: calls a tool that it was given.
        seed: gives the same answer for the same seed at temperature 1, and another one for another seed.
        images: takes a picture, and counts tokens for it.
        chat_template: the model has a chat template of its own.
        tokenizer: whose tokenizer endpoint it has, "llama.cpp" or "vllm".
        context: longest prompt and answer together, in tokens.
        notes: by the name of a point, what was seen in its place.
        requests: how many requests the answers took.
        age_s: how long ago the oldest of the answers was given; None where all are of this moment.
    """

    target: str
    chat: bool | None = None
    completions: bool | None = None
    streaming: bool | None = None
    streaming_usage: bool | None = None
    prompt_logprobs: bool | None = None
    token_grammar: bool | None = None
    chat_top_logprobs: bool | None = None
    completion_top_logprobs: bool | None = None
    structured_output: bool | None = None
    tools: bool | None = None
    seed: bool | None = None
    images: bool | None = None
    chat_template: bool | None = None
    tokenizer: str | None = None
    context: int | None = None
    notes: dict[str, str] = {}
    requests: int = 0
    age_s: float | None = None
    v: int = CAPABILITIES_VERSION
