"""What a process says of itself: plain counters, and the text that Prometheus
reads."""
