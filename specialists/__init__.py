"""Nodes, their agent, the engines and kinds of specialist, the bundled models and the forge that makes them."""
