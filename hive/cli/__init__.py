"""The `hive` command."""
