"""The suite of speed comparisons: `benchmarks/run.py` runs it."""
