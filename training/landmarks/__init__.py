"""How the landmark network is made: taught by a detector on enlarged faces, and by drawn ones of known points."""
