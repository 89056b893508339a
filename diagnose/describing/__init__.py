"""What a diagnosis says of the subject beside its findings: facts, figures, layers, rows of its data."""
