"""Training: recipes, the loop that runs them, the checkpoints that come out. Imports the library, never the pages."""
