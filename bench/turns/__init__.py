"""The turn-taking bench: scenes of recorded people, played to the real server path in simulated
time."""
