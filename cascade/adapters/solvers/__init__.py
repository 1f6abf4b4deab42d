"""Solvers: Graph -> Plan."""
