"""The store: what the conductor must still know after a crash. One port (base); in memory, or in a database (sql)."""
