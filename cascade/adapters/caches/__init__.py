"""Caches: policies that keep values of tasks, and the making of their keys."""
