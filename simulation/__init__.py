"""The demo, the benchmarks and the chaos harness: real parts under faults that somebody chose."""
