"""Making taggers: an encoder that marks the words of a text and names its intent, and a student of a fortieth."""
