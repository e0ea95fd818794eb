"""Training: the loop, what steers it, and the state that makes it continue where it stopped."""
