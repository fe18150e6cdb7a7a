"""Pure state machines that several programs share: time and randomness come in, actions go out."""
