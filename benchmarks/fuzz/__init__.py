"""Fuzzes the loader with broken files of every format."""
