"""From rows to requests: field mapping, choice of cases, templates."""

from bakeoff.prompts.cases import check_references, conversations, load_cases
from bakeoff.prompts.content import content_hash, row_hash
from bakeoff.prompts.render import PromptRenderer

__all__ = ["PromptRenderer", "check_references", "content_hash", "conversations", "load_cases", "row_hash"]
