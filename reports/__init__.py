"""Renders a `Diagnosis` as an HTML page, on the terminal or in a notebook. Does not need Keras."""
