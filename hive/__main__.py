"""`python -m hive`: the same as the `hive` command."""

from hive.cli.app import main

if __name__ == "__main__":
    main()
