"""Pure arithmetic: quantiles, histograms, intervals, paired tests. Knows nothing of models."""
