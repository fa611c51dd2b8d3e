"""What is played: recordings with their labels, and the scenes that are made of them."""
