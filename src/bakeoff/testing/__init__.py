"""Public test tools: the truth server and the contract suites."""
