"""What a call does about each input, one file per concern. `domain.matrix` says which rule applies
in which state."""
