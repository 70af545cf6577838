"""How the service asks addresses that its users name: through no proxy, and following no redirect."""

import urllib.request
from typing import Any


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401  as the base class
        """Follow nothing: it could lead to where the first address may not."""


def opener() -> urllib.request.OpenerDirector:
    """Return what opens an address whose origin is allowed; that list alone says where calls go."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
