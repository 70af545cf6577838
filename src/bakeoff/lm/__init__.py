"""bakeoff as a model of lm-evaluation-harness: its own command and functions, asking through our client.

lm-eval 0.4.13 looks for models in its own list only, so `python -m bakeoff.lm` is its command with the model
`bakeoff` in that list. lm-eval is imported when the model is.
"""

from bakeoff.lm.registering import NAME, register

__all__ = ["NAME", "register"]
