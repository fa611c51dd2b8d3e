"""What holds for the code as a whole: its style, and what it depends on."""
