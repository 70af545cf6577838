"""Calls: the way in, what all routes share, and the application."""
