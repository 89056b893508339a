"""Compares two diagnoses."""
