"""bakeoff.yaml to records: parse, defaults, errors with lines, JSON schema."""
