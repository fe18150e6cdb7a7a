"""Trying the mesh out: demo, benchmarks and, over the same cores, virtual worlds."""
