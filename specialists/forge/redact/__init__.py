"""What the task `redact` adds to the forge: marked texts, made-up personal data, measures and thresholds."""
