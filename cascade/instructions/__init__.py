"""The instruction tables and Blueprint: data only."""
