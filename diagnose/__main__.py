"""`python -m diagnose`."""

from diagnose.cli import main

if __name__ == "__main__":  # the process that measures imports this module, too
    main()
