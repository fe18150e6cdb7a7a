"""The kinds of specialist: what surrounds a model so that it answers for a capability."""
