"""What the Errors and the Compare page share: kept predictions, the lock of the test split, faces, tables to copy."""
