"""`python -m reeld` is `reeld`."""

from reeld.app import main

main()
