"""Caches: policies that keep values of tasks, and what their keys are made of."""
