"""Connecting an institution: the file that it begins with, what its people are handed, and what a message would do."""
