"""The report of a build: beside the specialist's directory, for people, so that the directory itself stays small."""
