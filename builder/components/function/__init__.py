"""The function of each region, behind a URL."""
