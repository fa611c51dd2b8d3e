"""Many calls at once against a server on one core."""
