"""Tasks over records: the risk that something happens, and a number. Boosted trees teach a small network."""
