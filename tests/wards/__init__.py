"""The two wards: models with one known fault, and healthy models.

A case is a few lines in `sick_*.py` or `healthy.py`: a recipe of `references.py` with some fields replaced. Data and
model builders are in `data.py` and `models.py`. `python -m benchmarks.quality.wards` trains, verifies and examines
the cases.
"""
