"""One file a campaign; `trainings` has the training that is broken off, and what is compared."""
