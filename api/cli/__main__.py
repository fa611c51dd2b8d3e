"""`python -m api.cli`: the same as `viva`."""

from api.cli.main import main

main()
