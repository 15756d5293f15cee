"""One module per check; each registers itself."""
