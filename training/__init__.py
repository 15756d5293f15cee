"""Training: recipes, the loop that runs them, and the checkpoints that come out. Imports the library, never Streamlit."""
