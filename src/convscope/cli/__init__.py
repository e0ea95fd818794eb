"""The command line: one file per verb, which reads arguments, calls one function and prints."""
