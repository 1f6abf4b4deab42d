"""Events of runs: their classes, the bus, the publisher."""
