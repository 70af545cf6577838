"""The HTTP client: connections, arrival stamps, server-sent events. Knows no model API."""

from bakeoff.wire.client import Client
from bakeoff.wire.route import Route, is_loopback, make_route
from bakeoff.wire.sse import Events, split_events

__all__ = ["Client", "Events", "Route", "is_loopback", "make_route", "split_events"]
