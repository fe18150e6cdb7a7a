"""The forge: trains, quantizes, measures and publishes specialists. Needs the extra `forge`.

Nothing outside this package imports it, and nothing here runs on a device.
"""
