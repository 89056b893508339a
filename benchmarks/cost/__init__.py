"""What examining, watching, loading and showing cost."""
