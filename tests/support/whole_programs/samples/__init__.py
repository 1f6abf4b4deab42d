"""Whole programs as people write them: sections of modules, each with its functions and the arguments of some calls in `CALLS`."""
