"""Any data, files or live objects, becomes parts: rows as they were found, before they are fitted to the model."""
