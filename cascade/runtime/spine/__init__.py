"""What drives a run: driver, task group, interpreter, code cache, run context."""
