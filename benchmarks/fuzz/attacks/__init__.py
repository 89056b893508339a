"""Attacks on the command, the viewer and the callback."""
