"""Which tool's configuration a document is, and what turns it into ours."""

from collections.abc import Callable

import msgspec

from bakeoff.spec import promptfoo, router, skypilot
from bakeoff.spec.foreign import Converted, Source
from bakeoff.spec.tree import Map


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """Another tool's configuration: how to know it, and how to read it."""

    name: str
    detect: Callable[[Map], bool]
    convert: Callable[[Map, Source], Converted]


FORMS = (
    Form(name="SkyPilot", detect=skypilot.is_skypilot, convert=skypilot.convert),
    Form(name="promptfoo", detect=promptfoo.is_promptfoo, convert=promptfoo.convert),
    Form(name="router toolkit", detect=router.is_router, convert=router.convert),
)


def form_of(root: Map) -> Form | None:
    """Return the tool whose configuration a document is, None for one of ours."""
    return next((form for form in FORMS if form.detect(root)), None)


def converted(root: Map, source: Source) -> Converted:
    """Return a document in our form."""
    form = form_of(root)
    return form.convert(root, source) if form is not None else Converted(root=root)
