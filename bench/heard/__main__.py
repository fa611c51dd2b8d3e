"""Does the log know what was heard? `python -m bench.heard`."""

from bench.heard.run import main

if __name__ == "__main__":
    main()
