"""What is measured before a training: batch size, learning rate, the number of epochs."""
