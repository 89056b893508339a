"""`diagnose view`: shows a folder of results in the browser, on this machine only."""
