"""Resources: the registry of an engine, the resolver of names, lifetimes from set-up to tear-down, and the resources of a run."""

from cascade.runtime.resources.registry import ResourceContainer

__all__ = ["ResourceContainer"]
