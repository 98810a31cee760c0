"""Benchmarks: one module per topic, each with its goals and the peers that it is held against."""
