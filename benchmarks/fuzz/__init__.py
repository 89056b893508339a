"""Broken files of every format, for the loader."""
