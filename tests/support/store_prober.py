"""Reads everything of a store in a process of its own, whatever state its file is in, and says how that went.

`python -m tests.support.store_prober FOLDER...` prints a line of JSON for each folder: outcome, served, reasons; where
outcome is `fine`, `faults` (verify found some), `corrupt` (StoreCorrupt), `refused`, or the signal that ended it.
"""

import json
import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.verify import verify
from reeld_proto.errors import RequestRejected, StoreCorrupt


def probe(folder: Path) -> dict[str, Any]:
    served: list[str] = []
    found: dict[str, Any] = {"outcome": "fine", "served": served, "reasons": []}

    def attempt(name: str, work: Any) -> Any:
        try:
            value = work()
        except (StoreCorrupt, RequestRejected) as error:
            found["outcome"] = "corrupt" if isinstance(error, StoreCorrupt) else "refused"
            found["reasons"].append(f"{name}: {error} {error.remedy}".strip())
            return None
        served.append(name)
        return value

    reader = attempt("open", lambda: StoreReader.open(folder))
    if reader is None:
        return found
    with closing(reader):
        attempt("list", reader.list_sessions)
        for session in ("one", "two"):
            attempt(f"show {session}", lambda session=session: reader.show(session))
            attempt(
                f"export {session}",
                lambda session=session: [reader.chunk(each.chunk) for each in reader.segments(session, "video-1")],
            )
    with closing(StoreEnvironment.open_read(folder)) as store:
        verified = attempt("verify", lambda: verify(store, None))
    if verified is not None and not verified.ok:
        found["outcome"] = "faults" if found["outcome"] == "fine" else found["outcome"]
        found["reasons"] += [f"{fault.kind} {fault.session} {fault.detail}" for fault in verified.faults]
    return found


def main() -> None:
    for folder in sys.argv[1:]:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            with os.fdopen(write, "w") as out:
                out.write(json.dumps(probe(Path(folder))))
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as answer:
            text = answer.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            text = json.dumps({"outcome": signal.Signals(os.WTERMSIG(status)).name, "served": [], "reasons": []})
        elif not text:
            text = json.dumps({"outcome": f"exit {status}", "served": [], "reasons": []})
        print(text)


if __name__ == "__main__":
    main()
