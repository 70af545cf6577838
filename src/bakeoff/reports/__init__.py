"""Files for people and programs, all drawn from the same view."""
