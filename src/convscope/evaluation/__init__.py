"""Evaluation of classifiers: metrics with intervals, calibration, error analysis, comparison."""
