"""Train convolutional image classifiers, look inside them, and trust what they tell you."""
