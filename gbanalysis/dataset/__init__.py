"""The data contract, and the ways to read data that keep it."""
