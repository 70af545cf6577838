"""Targets side by side, on the same cases and requests."""
