"""The conductor's hot process: one thread, one poller, the core and its store."""
