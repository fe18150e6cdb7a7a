"""Benchmarks: each figure of the goals as a ratio that is measured side by side in one run."""
