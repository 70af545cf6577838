"""Benchmarks of bakeoff itself: `python -m bench [NAME...]`. Figures, not tests: they never fail."""
