"""What a client asked: request bodies of the two endpoints, read once. Unknown fields are left alone."""

from typing import Any

import msgspec


class StreamOptions(msgspec.Struct, frozen=True):
    """The part of `stream_options` that matters here."""

    include_usage: bool = False


class AskMessage(msgspec.Struct, frozen=True):
    """One message; parts of a kind other than text hold no words."""

    role: str = "user"
    content: str | list[dict[str, Any]] | None = None

    def text(self) -> str:
        """Return the words of the message."""
        if isinstance(self.content, str):
            return self.content
        return " ".join(str(part.get("text", "")) for part in self.content or ())


class ToolFunction(msgspec.Struct, frozen=True):
    """Name of an offered function."""

    name: str = "truth"


class Tool(msgspec.Struct, frozen=True):
    """An offered tool."""

    function: ToolFunction = ToolFunction()


class Ask(msgspec.Struct, frozen=True):
    """A request body of `/v1/chat/completions` or `/v1/completions`."""

    model: str
    messages: list[AskMessage] = []
    prompt: str | list[str | int] = ""
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    min_tokens: int = 0
    ignore_eos: bool = False
    tools: list[Tool] | None = None
    echo: bool = False
    logprobs: bool | int | None = None
    top_logprobs: int | None = None
    grammar: str = ""

    @property
    def cap(self) -> int | None:
        """Return the largest number of tokens that the client accepts."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def wants_usage(self) -> bool:
        """Tell whether a stream is to end with usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    def prompt_tokens(self) -> int:
        """Count whitespace-separated words, or the ids of a prompt that came as token ids."""
        if self.messages:
            return sum(len(message.text().split()) for message in self.messages)
        if isinstance(self.prompt, str):
            return len(self.prompt.split())
        return sum(len(part.split()) if isinstance(part, str) else 1 for part in self.prompt)

    def question(self) -> str:
        """Return the last user message, or the prompt."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text()
        return self.prompt if isinstance(self.prompt, str) else " ".join(map(str, self.prompt))


decode_ask = msgspec.json.Decoder(Ask).decode
