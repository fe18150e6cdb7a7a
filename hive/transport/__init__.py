"""Transports: how frames travel between processes. One port (base), ZeroMQ and in-memory adapters."""
