"""Send the plan, append samples, resume."""
