"""What writes a run in other tools' formats, one file per format."""
