"""The enrichment worker with toy engines in the place of those named. REELD_TOY_SLOW_S: a call takes so long."""

import functools
import os

from reeld.enrich.engines.api import Listener, PageReader
from reeld.enrich.worker import EnrichWorker
from reeld.runtime.worker import main
from reeld_proto.enrich_orders import OpenStage
from reeld_proto.findings import Stage
from tests.support.toy_engines import ToyListener, ToyReader

SLOW = "REELD_TOY_SLOW_S"


def make_toy(order: OpenStage) -> PageReader | Listener:
    slow_s = float(os.environ.get(SLOW, "0"))
    return ToyReader(slow_s=slow_s) if order.stage is Stage.OCR else ToyListener(slow_s=slow_s)


if __name__ == "__main__":
    main("enrich", functools.partial(EnrichWorker, make=make_toy))
