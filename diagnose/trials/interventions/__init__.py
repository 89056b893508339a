"""The changes that remedies make, as pure functions from a training plan to a changed one."""
