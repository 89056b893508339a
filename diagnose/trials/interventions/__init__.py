"""What remedies do, each as a pure function from a training plan to a changed one."""
