"""The deterministic simulator: the production cores in a virtual world, from one seed."""
