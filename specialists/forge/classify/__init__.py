"""Making text classifiers: an encoder teacher, and a student a hundredth of its size."""
