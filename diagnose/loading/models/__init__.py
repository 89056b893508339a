"""Any model file becomes a built and compiled `keras.Model`: scanned, checked, repaired, filled with its weights."""
