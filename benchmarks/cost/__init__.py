"""Time and memory of examining, watching, loading and showing."""
