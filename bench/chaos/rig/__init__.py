"""What calls are held on: database, interviewer, servers and the doors between them, all on the
loopback."""
