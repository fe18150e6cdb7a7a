"""`hive sim chaos`: a real mesh, load from outside, faults by seed, and a judge of what was written down."""
