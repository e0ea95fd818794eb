"""Self-contained HTML documents: one style, pictures inside, nothing loaded from anywhere."""
