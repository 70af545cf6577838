"""Arrival patterns, one file each."""
