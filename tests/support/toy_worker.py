"""The enrichment worker with toy readers and listeners."""

import functools

from reeld.enrich.worker import EnrichWorker
from reeld.runtime.worker import main
from tests.support.toy_make import make_toy

if __name__ == "__main__":
    main("enrich", functools.partial(EnrichWorker, make=make_toy))
