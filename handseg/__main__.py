"""`python -m handseg` is `handseg`."""

from handseg.cli.main import main

if __name__ == "__main__":
    main()
