"""Documents in a real browser. A package, so that its `conftest` doesn't take the other's name."""
