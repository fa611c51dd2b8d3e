"""What Viva costs, measured. `python -m bench` runs everything; see README.md beside this file."""
