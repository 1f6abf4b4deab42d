"""Explanations, plans, drawings and listings of a target."""
