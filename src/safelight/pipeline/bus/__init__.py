"""Event buses: in memory, and NATS JetStream."""
