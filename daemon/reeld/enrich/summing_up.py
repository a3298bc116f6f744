"""The stage that has a language model sum a session up, part by part. Runs in the enrichment worker."""

import time
from collections.abc import Sequence

from reeld.enrich.engines.api import Busy, Writer
from reeld.enrich.material import material_of
from reeld.enrich.parts import parts_of
from reeld.store.enrichment import finding_of
from reeld.store.reader import StoreReader
from reeld_proto import codec
from reeld_proto.enrich_orders import SliceDone
from reeld_proto.errors import InternalError
from reeld_proto.findings import NewFinding, Stage, Summary, SummarySentence
from reeld_proto.units import NS_PER_S


class SummingUp:
    """Asks once for each part. total: parts; cached: all or none of them. Raises RequestRejected, StoreCorrupt.

    also: versions of models that are at least as good; what one of them wrote is left as it is.
    """

    def __init__(self, reader: StoreReader, session: str, model: Writer, also: Sequence[str] = ()) -> None:
        self._session, self._model = session, model
        with reader.store.read() as txn:
            self._material = material_of(txn, session)
            known = finding_of(txn, session, Stage.LANGUAGE)
        self._basis = self._material.basis(Stage.LANGUAGE, model.version)
        fine = {self._basis, *(self._material.basis(Stage.LANGUAGE, version) for version in also)}
        self._parts = parts_of(self._material)
        self._told: list[SummarySentence] = []
        self._at = 0
        self.total = float(max(1, len(self._parts)))
        self.cached = self.total if known is not None and known.basis in fine else 0.0
        self.engine_name, self.engine_version = model.name, model.version
        most = [model.cost_of(part) for part in self._parts]
        self.tokens_in, self.tokens_out = (
            max((each[0] for each in most), default=0),
            max((each[1] for each in most), default=0),
        )

    def step(self) -> SliceDone:
        """Ask about the next part. A service that is busy is told as such, and the part is asked about again."""
        if self.cached:
            return SliceDone(finished=True)
        if not self._parts:
            return self._finished(SliceDone(done=1.0))
        began_s = time.perf_counter()
        try:
            written = self._model.sum_up(self._parts[self._at])
        except Busy as busy:
            return SliceDone(done=float(self._at), busy=str(busy), busy_s=busy.after_s)
        except InternalError as error:
            # Nonsense is charged for like anything else.
            return SliceDone(
                done=float(self._at), busy=str(error), calls=1, tokens_in=self.tokens_in, tokens_out=self.tokens_out
            )
        end_s = self._material.end_ns / NS_PER_S
        self._told += [
            SummarySentence(round(min(max(0.0, at_s), end_s) * NS_PER_S), text) for at_s, text in written.sentences
        ]
        self._at += 1
        done = SliceDone(
            done=float(self._at),
            calls=1,
            seconds=time.perf_counter() - began_s,
            tokens_in=written.tokens_in,
            tokens_out=written.tokens_out,
        )
        return self._finished(done) if self._at == len(self._parts) else done

    def _finished(self, done: SliceDone) -> SliceDone:
        finding = NewFinding(
            session=self._session,
            stage=Stage.LANGUAGE,
            engine=self.engine_name,
            version=self.engine_version,
            basis=self._basis,
            revision=self._material.revision,
            payload=codec.pack_record(Summary(sorted(self._told, key=lambda each: each.at_ns))),
        )
        return SliceDone(
            findings=[finding],
            done=done.done,
            calls=done.calls,
            seconds=done.seconds,
            tokens_in=done.tokens_in,
            tokens_out=done.tokens_out,
            finished=True,
        )
