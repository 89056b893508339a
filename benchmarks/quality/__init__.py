"""Recall and false alarms on the wards, and a gallery of reports."""
