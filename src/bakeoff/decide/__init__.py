"""Estimates, paired comparisons and the verdict, all from stored samples and scores."""
