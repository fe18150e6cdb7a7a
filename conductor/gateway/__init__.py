"""The HTTP gateway: a client of the wire protocol that speaks for whoever called it. It holds no task state."""
