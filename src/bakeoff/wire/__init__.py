"""The HTTP client: connections, arrival stamps, server-sent events. Knows no model API."""
