"""The conductor's cold process: discovery, the capability graph and its compilation, policy, and the gateway."""
