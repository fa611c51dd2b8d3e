"""What a call leaves behind, from all sides."""
