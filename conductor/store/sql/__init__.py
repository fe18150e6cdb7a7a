"""Stores in a database: SQLite in a file of the site, or PostgreSQL by its address."""
