"""Token counts of one sample, by whoever `usage.counted_by` names. Unknown is None, never 0."""

import msgspec

from bakeoff.records import Sample, Target


class PromptTokens(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens of the input, the server's chat template included."""

    name: str = "prompt_tokens"
    unit: str = "tokens"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the count, or None where nobody counted."""
        return sample.usage.prompt


class CachedTokens(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens of the input that the server had in its cache; a part of `prompt_tokens`."""

    name: str = "cached_tokens"
    unit: str = "tokens"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the count, or None where nobody counted."""
        return sample.usage.cached


class OutputTokens(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens of the answer, reasoning included."""

    name: str = "output_tokens"
    unit: str = "tokens"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the count, or None where nobody counted."""
        return sample.usage.completion


class ReasoningTokens(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens of reasoning; a part of `output_tokens`."""

    name: str = "reasoning_tokens"
    unit: str = "tokens"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the count, or None where nobody counted."""
        return sample.usage.reasoning
