"""What the paths of a frame and of a message cost: `python -m bench.paths`."""

from bench.paths.run import main

if __name__ == "__main__":
    main()
