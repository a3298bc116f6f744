"""Which release of reeld is installed."""

from importlib.metadata import PackageNotFoundError, version


def installed_release() -> str:
    """The version of the installed distribution, or `unknown` in a tree that nobody installed."""
    try:
        return version("reeld")
    except PackageNotFoundError:
        return "unknown"
