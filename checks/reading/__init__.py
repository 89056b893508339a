"""What several checks share: reading measurements and wording findings."""
