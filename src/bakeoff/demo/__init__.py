"""The data of `bakeoff quickstart`: a spec and 128 questions of our own writing. No code."""
