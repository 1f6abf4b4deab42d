"""Programs of saved runs."""
