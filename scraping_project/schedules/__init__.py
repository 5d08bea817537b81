"""Schedules: times, what they start, and starting it once, by any number of processes."""
