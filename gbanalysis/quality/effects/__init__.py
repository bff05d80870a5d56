"""What causes refunds: the graph, and the effects that can be read off the data."""
