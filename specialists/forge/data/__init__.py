"""A user's data: read from a file, checked, split without leakage, hashed. Nothing here knows a model or a task."""
