"""What calls are held on: database, interviewer, servers and the proxies between them, all on the
loopback."""
