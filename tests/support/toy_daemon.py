"""`reeld` whose enrichment worker has toy engines: `python -m tests.support.toy_daemon`, the same arguments."""

import functools

from reeld import app
from reeld.daemon import Daemon

if __name__ == "__main__":
    app.main(make=functools.partial(Daemon, enrich_module="tests.support.toy_worker"))
