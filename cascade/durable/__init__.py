"""Runs that survive: a run is saved in a store while it goes, and continues in another process.

store.py       the store: one schema, for SQLite (sqlite.py) and Postgres (postgres.py)
codec.py       values, results and names as bytes, and back; references.py finds tasks and classes by their names
frames.py      the frames of a run as rows, and frames made of rows, for both paths
context.py     the run context of a saved run, which notes the shapes of graphs
saving.py      the run as the driver sees it, which saves itself
effects.py     calls that are under way: effects, waits, attempts; notes.py has the notes on them that snapshots hold
run.py         start, resume, fork: the functions for users
"""
