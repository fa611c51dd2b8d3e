"""What was measured, how it is summed up, and how it is shown."""
