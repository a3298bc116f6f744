"""Where the templates of the service files are: in the installed package, or in the tree it is developed in."""

from importlib.util import find_spec
from pathlib import Path

from reeld_proto.errors import ErrorCode, RequestRejected

UNIT = "systemd/reeld.service"
AGENT = "launchd/org.reeld.reeld.plist"


def read_template(name: str) -> bytes:
    """The content of `UNIT` or `AGENT`. Raises RequestRejected (NOT_FOUND) where the installation lacks it."""
    spec = find_spec("reeld")
    for package in (Path(place) for place in (spec.submodule_search_locations or [] if spec else [])):
        for path in (package / "units" / name, package.parents[1] / name):
            if path.is_file():
                return path.read_bytes()
    raise RequestRejected(
        f"this installation has no {name}",
        code=ErrorCode.NOT_FOUND,
        remedy="Install the daemon again: `pip install --force-reinstall 'reeld[daemon]'`.",
    )
