"""Inference engines behind one port, and the tokenizer."""
