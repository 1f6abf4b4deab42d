"""Executors: they call functions of tasks that are not simply called in place."""
