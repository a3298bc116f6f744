"""A small pull-based graph: sources, processors and sinks joined by queues."""
