"""FERScope's library: data, models, predictions and explanations of facial expression classifiers.

It imports neither Streamlit nor the training package and is meant to be pleasant from a notebook.
"""
