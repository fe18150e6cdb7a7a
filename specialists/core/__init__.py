"""A node's decisions as a pure state machine: what to admit, in which order to run it, what to say to whom."""
