"""The graph of a target: its model, and how it is built from LazyResults."""
