"""Commands beyond recording, an area a module: each gives its part of the table of commands."""
