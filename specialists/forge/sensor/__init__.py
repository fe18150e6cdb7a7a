"""Anomalies and alerts of sensors: data, faults, networks, and how they are measured."""
