"""Races: which tests hold though they were looked at before the end."""
