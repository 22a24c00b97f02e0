"""Data sets, read from the files that their distributors publish."""
