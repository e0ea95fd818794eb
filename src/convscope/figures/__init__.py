"""Every picture, drawn from plain numbers in one style; knows nothing of the rest."""
