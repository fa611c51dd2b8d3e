"""`python -m adapters.gemini.rehearsal`."""

from adapters.gemini.rehearsal.command import main

if __name__ == "__main__":
    main()
