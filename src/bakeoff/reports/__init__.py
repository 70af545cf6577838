"""Files for people and programs, all drawn from the same view."""

from bakeoff.reports.view import Caps, build_view

__all__ = ["Caps", "build_view"]
