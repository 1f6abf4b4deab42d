"""What a node does besides calling its function, by the kind of its operation."""
