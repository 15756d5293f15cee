"""Predictions over a data set, and the figures drawn from them."""
