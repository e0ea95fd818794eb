"""The verbs, one file each: the command line, Python and servers call the same functions."""
