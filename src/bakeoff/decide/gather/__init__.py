"""What was stored, brought together by benchmark and target."""
