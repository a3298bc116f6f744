"""The text index: what is said about sessions, found by words. Derived from the store; can always be made anew."""

FILE_NAME = "index.sqlite"
"""In the store's folder."""
