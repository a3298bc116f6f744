"""The fault of an engine that is not there: apart, for the daemon asks for engines and loads nothing of them."""


class EngineMissing(Exception):
    """An engine, or the model that it needs, is not on this machine. The message says what to do."""
