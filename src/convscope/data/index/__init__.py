"""All images of a data set: scanned once, their statistics, and their pixels."""
