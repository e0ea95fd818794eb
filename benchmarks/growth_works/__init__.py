"""What grows: the works that `benchmarks/growth.py` measures, each in a process of its own."""
