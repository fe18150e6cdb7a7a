"""Making text embedders: a sentence encoder's similarities, kept by a student a hundredth of its size."""
