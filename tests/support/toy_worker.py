"""The enrichment worker with toy readers and listeners. REELD_TOY_SLOW_S: a call of theirs takes so long."""

import functools
import os

from reeld.enrich.worker import Engine, EnrichWorker, make_engine
from reeld.runtime.worker import main
from reeld_proto.enrich_orders import OpenStage
from reeld_proto.findings import Stage
from tests.support.toy_engines import ToyListener, ToyReader

SLOW = "REELD_TOY_SLOW_S"


def make_toy(order: OpenStage) -> Engine:
    if order.stage is Stage.LANGUAGE:
        return make_engine(order)
    slow_s = float(os.environ.get(SLOW, "0"))
    return ToyReader(slow_s=slow_s) if order.stage is Stage.OCR else ToyListener(slow_s=slow_s)


if __name__ == "__main__":
    main("enrich", functools.partial(EnrichWorker, make=make_toy))
