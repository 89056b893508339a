"""Measurements of the product: how often it is right, and what it costs."""
