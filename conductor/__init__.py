"""The conductor of a site: plans tasks, places their steps on nodes, and moves them when a node fails."""
