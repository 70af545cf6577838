"""Add up what a judge was asked and what that took; unknown is said, and never counted as nothing."""

from decimal import Decimal

from bakeoff.records import Judgement


class JudgeUse:
    """What one judge took for the answers of one target in one benchmark."""

    def __init__(self) -> None:
        self._verdicts = self._tries = self._tokens = self._uncounted = 0
        self._usd = Decimal(0)
        self._priced = 0

    def add(self, judgement: Judgement) -> None:
        """Take one judgement."""
        self._verdicts += 1
        self._tries += judgement.tries
        usage = judgement.usage
        if usage.prompt is None or usage.completion is None:
            self._uncounted += 1
        self._tokens += (usage.prompt or 0) + (usage.completion or 0)
        if judgement.usd is not None:
            self._priced += 1
            self._usd += judgement.usd

    def said(self, model: str) -> str:
        """Return it in words."""
        text = f"`{model}` with {self._tries:,} requests for {self._verdicts:,} answers, "
        text += f"{self._tokens:,} tokens"
        if self._uncounted:
            text += f" ({self._uncounted:,} judgements were not counted)"
        if self._priced == self._verdicts:
            return f"{text}, {self._usd:f} USD"
        if not self._priced:
            return f"{text}, at no known price"
        return f"{text}, {self._usd:f} USD for the {self._priced:,} whose cost is known"
