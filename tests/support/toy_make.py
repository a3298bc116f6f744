"""Makes toy engines, here and on machines of a cluster. REELD_TOY_SLOW_S: a call of theirs takes so long."""

import os

from reeld.enrich.engines.api import Engine
from reeld.enrich.worker import make_engine
from reeld_proto.enrich_orders import OpenStage
from reeld_proto.findings import Stage
from tests.support.toy_engines import ToyListener, ToyReader

SLOW = "REELD_TOY_SLOW_S"


def make_toy(order: OpenStage) -> Engine:
    if order.stage in (Stage.LANGUAGE, Stage.EMBEDDINGS):
        return make_engine(order)
    slow_s = float(os.environ.get(SLOW, "0"))
    return ToyReader(slow_s=slow_s) if order.stage is Stage.OCR else ToyListener(slow_s=slow_s)
