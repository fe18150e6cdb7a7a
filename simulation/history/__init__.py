"""What happened, as seen from outside, and the judge of it: it imports nothing of the system that it judges."""
