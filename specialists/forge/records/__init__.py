"""A user's records in a table: loaded, checked, its columns understood, split without leakage."""
