"""Two diagnoses beside each other."""
