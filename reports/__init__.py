"""Shows a `Diagnosis`: as a page, on the terminal, in a notebook. Reads nothing else, and needs no Keras."""
