"""Readers of the public data sets that the bundled specialists are trained and measured on.

Each reader takes the data directory and returns plain Python values; none of them downloads anything.
"""
