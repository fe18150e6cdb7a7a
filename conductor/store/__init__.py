"""The store: what the conductor must still know after a crash. One port (base), one adapter so far (memory)."""
