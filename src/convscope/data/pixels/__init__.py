"""Images at the network's input size, as uint8: the one preprocessing, and the store on disk."""
