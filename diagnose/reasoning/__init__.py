"""From findings to causes, verdicts and remedies. The only code that knows checks by name."""
