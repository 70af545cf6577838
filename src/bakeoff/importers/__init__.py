"""What reads other tools' result files, one file per tool."""
