"""A candidate's frame and a message of the model's on their way through the server."""
