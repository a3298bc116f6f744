"""The config file as a person works with it: made, shown, checked and changed. `python -m reeld.settings`."""
