"""Links between the sites of a local mesh, to play with: a relay that delays, loses and cuts."""
