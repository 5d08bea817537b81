"""Schedules and firings, kept so that any number of processes may fire them and none leads."""
