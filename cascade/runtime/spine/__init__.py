"""The spine of a run: driver, task group, interpreter, run context."""
