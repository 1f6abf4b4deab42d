"""Replaceable parts of an engine."""
