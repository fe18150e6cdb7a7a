"""Many trials of one recipe with other options, and the best of them by what validation data say."""
