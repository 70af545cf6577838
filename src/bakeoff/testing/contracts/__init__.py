"""Contract suites: what every implementation of a family must do. Call them on your own in a test."""
