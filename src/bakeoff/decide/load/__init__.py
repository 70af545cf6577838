"""What stages of load measured."""
