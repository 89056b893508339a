"""`python -m diagnose`, and the command `diagnose`."""

import signal


def main() -> None:
    """Run the command. An interrupt during its imports ends it silently: nothing is known yet."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from diagnose.cli import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":  # the process that measures imports this module, too
    main()
