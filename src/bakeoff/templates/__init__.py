"""Jinja templates in a sandbox: what they make is text, and making it ends."""

from bakeoff.templates.compiled import Render, compile_template, lettered

__all__ = ["Render", "compile_template", "lettered"]
