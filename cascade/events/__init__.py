"""What a run publishes: event types, the bus, the publisher."""
