"""Nodes and agents: the processes on a device that host specialists, one model each."""
