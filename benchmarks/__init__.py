"""Benchmarks: one file a task, each against a named peer in the same run."""
