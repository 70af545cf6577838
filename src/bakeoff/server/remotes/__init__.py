"""Servers of others that do evaluations in our place."""
