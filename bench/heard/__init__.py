"""What the log says was heard, against the sound of a real browser."""
