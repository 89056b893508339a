"""`diagnose view`: a folder of results in the browser, from this machine only."""
