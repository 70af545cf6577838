"""Pure arithmetic: quantiles, histograms, intervals, paired tests. Knows nothing of models.

Import the module that you need (`from bakeoff.stats.paired import compare_passes`); nothing is loaded here,
so that a command which counts nothing pays nothing.
"""
