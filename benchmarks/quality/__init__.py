"""How often it is right, how often it cries wolf, and what its reports look like."""
