"""The views of the Datasets page, one file each."""
