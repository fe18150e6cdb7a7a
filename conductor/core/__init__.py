"""The conductor's core: a pure state machine over tasks, steps, leases and nodes. No I/O, clock or randomness."""
