"""What a process says of itself to whoever watches it: plain counters, and the text that Prometheus
reads."""
