"""From rows to requests: field mapping, choice of cases, templates, multiple choice."""

from bakeoff.prompts.cases import check_references, conversations, load_cases
from bakeoff.prompts.choices import ChoiceRenderer, Renderer
from bakeoff.prompts.content import content_hash, row_hash
from bakeoff.prompts.render import PromptRenderer
from bakeoff.prompts.sampling import merged

__all__ = [
    "ChoiceRenderer",
    "PromptRenderer",
    "Renderer",
    "check_references",
    "content_hash",
    "conversations",
    "load_cases",
    "merged",
    "row_hash",
]
