"""`hive demo`: a factory, a stream of work, two faults on purpose, and a count of what was lost."""
