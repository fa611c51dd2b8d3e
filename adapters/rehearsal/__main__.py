"""`python -m adapters.rehearsal`."""

from adapters.rehearsal.command import main

if __name__ == "__main__":
    main()
