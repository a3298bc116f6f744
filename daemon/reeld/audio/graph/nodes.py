"""The working nodes of the graph. Pure but for what sources and sinks are given to call.

DESIGN of the times: frame k of every connection is frame k since the graph's start, at its rate. A kernel whose output
lags by its `latency` is therefore compensated here: the first frames of its output are dropped, and at the end it is
fed as many frames of silence. So inputs that took different ways meet frame by frame, and no tail is lost.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from reeld.audio.dsp.kernel import Kernel
from reeld.audio.dsp.kernel import Observer as Watcher
from reeld.audio.graph.edge import Edge, Notes
from reeld.audio.graph.negotiation import Format
from reeld.audio.samples import Samples, join, silence
from reeld_proto.sound_graph import AnyNode

Payload = Samples | Sequence[object]
"""What leaves a port in one pull: frames, or observations."""

BLOCK_S_MAX = 0.5
"""Longest block that a kernel is given: larger ones fall out of the processor's cache."""
SOURCE_S_MAX = 2
"""Most seconds that a source gives in one pull, so that no queue is overrun before it can press back."""


class StreamResampler(Protocol):
    """From one rate to another, its delay compensated: n frames become n * out / in of them."""

    def resample(self, samples: Samples, *, last: bool = False) -> Samples:
        """The frames that these complete; the filter's last ones with `last`, which is given once."""
        ...


Recover = Callable[[str, Exception], bool]
"""Told which node broke and how; whether the sound goes on without what it does."""


def no_recovery(_node: str, _error: Exception) -> bool:
    """An error of a node is one of the graph."""
    return False


class Node(ABC):
    """A step of the graph. All methods are called by the thread that pulls. frames: how many went through."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frames = 0

    @abstractmethod
    def process(self, inputs: Sequence[Edge | Notes], *, until: int, last: bool) -> Sequence[Payload]:
        """Take what is usable and give what follows, one payload a port.

        until: frame of the session, at 48 kHz since the graph's start, up to which sources may give. last: no more
        will come.
        """


class Source(Node):
    """Frames from outside. `read(frames)` gives the next ones, at most that many, possibly none."""

    def __init__(self, name: str, read: Callable[[int], Samples], rate: int) -> None:
        super().__init__(name)
        self._read = read
        self._most = SOURCE_S_MAX * rate

    def process(self, inputs: Sequence[Edge | Notes], *, until: int, last: bool) -> Sequence[Payload]:  # noqa: ARG002
        """What is there."""
        room = min(until - self.frames, self._most)
        samples = self._read(room) if room > 0 else silence(0)
        self.frames += len(samples)
        return (samples,)


@dataclass(frozen=True)
class Moment:
    """From this frame of the node on, these settings."""

    frame: int
    settings: AnyNode


class Processor(Node):
    """A kernel at work.

    form: of what it takes. make: a kernel for other settings. recover: told of an error of the kernel; it returns
    whether the sound goes on unprocessed, else the error is the graph's.
    """

    def __init__(
        self,
        settings: AnyNode,
        form: Format,
        make: Callable[[AnyNode], Kernel],
        recover: Recover = no_recovery,
    ) -> None:
        super().__init__(settings.name)
        self.settings = settings
        self._form = form
        self._make = make
        self._recover = recover
        self._kernel = make(settings)
        self._skip = self._kernel.latency
        self._moments: deque[Moment] = deque()
        self._block = round(BLOCK_S_MAX * form.rate)

    @property
    def latency_ms(self) -> float:
        """How much sound it holds back."""
        return 1000.0 * self._kernel.latency / self._form.rate

    def schedule(self, moment: Moment) -> None:
        """Change the settings at a frame: the next one, if that has gone by."""
        at = next((index for index, each in enumerate(self._moments) if each.frame > moment.frame), len(self._moments))
        self._moments.insert(at, moment)

    def process(self, inputs: Sequence[Edge | Notes], *, until: int, last: bool) -> Sequence[Payload]:  # noqa: ARG002
        """Everything that all inputs have; at the end also what the kernel holds back."""
        edges = [edge for edge in inputs if isinstance(edge, Edge)]
        lengths = [len(edge) for edge in edges]
        frames = max(lengths) if last else min(lengths)
        parts: list[Samples] = []
        while frames:
            take = min(frames, self._block)
            if self._moments:
                ahead = self._moments[0].frame - self.frames
                if ahead <= 0:
                    parts.append(self._change(self._moments.popleft().settings))
                    continue
                take = min(take, ahead)
            parts.append(self._run([edge.pop_padded(take) for edge in edges]))
            self.frames += take
            frames -= take
        if last:
            parts.append(self._drain())
        return (self._joined(parts),)

    def _run(self, blocks: Sequence[Samples]) -> Samples:
        try:
            out = self._kernel.process(blocks)
            if len(out) != len(blocks[0]):
                raise RuntimeError(f"{len(blocks[0])} frames became {len(out)}")  # noqa: TRY301 - told like the others
        except Exception as error:
            if not self._recover(self.name, error):
                raise
            # What the kernel held back is lost; silence in its place keeps every frame where it belongs.
            held = silence(self._kernel.latency - self._skip, blocks[0].shape[1])
            self._kernel, self._skip = Bypass(), 0
            return join([held, blocks[0]])
        if self._skip:
            dropped = min(self._skip, len(out))
            self._skip -= dropped
            out = out[dropped:]
        return out

    def _change(self, settings: AnyNode) -> Samples:
        self.settings = settings
        if isinstance(self._kernel, Bypass) or self._kernel.adjust(settings):
            return silence(0, self._form.channels)
        held = self._drain()
        self._kernel = self._make(settings)
        self._skip = self._kernel.latency
        return held

    def _drain(self) -> Samples:
        """What the kernel holds back. It is ready for more afterwards."""
        latency = self._kernel.latency
        if not latency:
            return silence(0, self._form.channels)
        held = self._run([silence(latency, self._form.channels) for _ in range(self._inputs_count())])
        self._skip = self._kernel.latency
        return held

    def _inputs_count(self) -> int:
        return max(1, len(self.settings.inputs))

    def _joined(self, parts: Sequence[Samples]) -> Samples:
        whole = [part for part in parts if len(part)]
        return join(whole) if whole else silence(0, self._form.channels)


class Bypass:
    """Gives what it takes."""

    latency = 0

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The first input."""
        return inputs[0]

    def adjust(self, node: AnyNode) -> bool:  # noqa: ARG002 - the interface of a kernel
        """Nothing to change."""
        return True


class Converter(Node):
    """A resampler at work: gives another number of frames than it takes."""

    def __init__(self, name: str, resampler: StreamResampler) -> None:
        super().__init__(name)
        self._resampler = resampler

    def process(self, inputs: Sequence[Edge | Notes], *, until: int, last: bool) -> Sequence[Payload]:  # noqa: ARG002
        """Everything that waits."""
        (edge,) = inputs
        assert isinstance(edge, Edge)  # noqa: S101 - the graph was checked
        samples = edge.pop(len(edge))
        self.frames += len(samples)
        return (self._resampler.resample(samples, last=last),)


class Splitter(Node):
    """Each channel to a port of its own."""

    def process(self, inputs: Sequence[Edge | Notes], *, until: int, last: bool) -> Sequence[Payload]:  # noqa: ARG002
        """Everything that waits."""
        (edge,) = inputs
        assert isinstance(edge, Edge)  # noqa: S101 - the graph was checked
        samples = edge.pop(len(edge))
        self.frames += len(samples)
        return [samples[:, index : index + 1] for index in range(samples.shape[1])]


@dataclass(frozen=True)
class Noted:
    """An observation of a node. first_frame: that of the graph, at `rate`, from which `what` counts its own."""

    node: str
    rate: int
    first_frame: int
    what: object


WINDOWS_A_SECOND = 10
"""A watcher that is wanted only later begins where a tenth of a second does."""


class Observer(Node):
    """Gives what it takes, and what its watcher says on a second port; it watches only while `wanted`.

    recover: told of an error of the watcher; it returns whether the sound goes on without being watched.
    """

    def __init__(
        self,
        name: str,
        form: Format,
        make: Callable[[], Watcher],
        wanted: Callable[[], bool] = lambda: True,
        recover: Recover = no_recovery,
    ) -> None:
        super().__init__(name)
        self._recover = recover
        self._rate = form.rate
        self._step = max(1, form.rate // WINDOWS_A_SECOND)
        self._make = make
        self._wanted = wanted
        self._watcher: Watcher | None = None
        self._since = 0

    def process(self, inputs: Sequence[Edge | Notes], *, until: int, last: bool) -> Sequence[Payload]:  # noqa: ARG002
        """Everything that waits, untouched."""
        (edge,) = inputs
        assert isinstance(edge, Edge)  # noqa: S101 - the graph was checked
        samples = edge.pop(len(edge))
        try:
            said = self._watch(samples, last=last)
        except Exception as error:
            if not self._recover(self.name, error):
                raise
            said, self._wanted = [], lambda: False
        self.frames += len(samples)
        return samples, [Noted(self.name, self._rate, self._since, what) for what in said]

    def _watch(self, samples: Samples, *, last: bool) -> Sequence[object]:
        said: list[object] = []
        if not self._wanted():
            self._watcher = None
        elif self._watcher is None:
            # All begin at the same frames, so that what they measure is of the same time.
            ahead = -self.frames % self._step
            if ahead < max(1, len(samples)):
                self._watcher, self._since = self._make(), self.frames + ahead
                samples = samples[ahead:]
        if self._watcher is not None:
            if len(samples):
                said += self._watcher.observe(samples)
            if last:
                said += self._watcher.finish()
        return said


class Sink(Node):
    """Gives every frame to `write`, in order."""

    def __init__(self, name: str, write: Callable[[Samples], None]) -> None:
        super().__init__(name)
        self._write = write

    def process(self, inputs: Sequence[Edge | Notes], *, until: int, last: bool) -> Sequence[Payload]:  # noqa: ARG002
        """Hand on everything that waits."""
        (edge,) = inputs
        assert isinstance(edge, Edge)  # noqa: S101 - the graph was checked
        if len(edge):
            samples = edge.pop(len(edge))
            self.frames += len(samples)
            self._write(samples)
        return ()


class NoteSink(Node):
    """Gives all observations to `tell`."""

    def __init__(self, name: str, tell: Callable[[Sequence[Noted]], None]) -> None:
        super().__init__(name)
        self._tell = tell

    def process(self, inputs: Sequence[Edge | Notes], *, until: int, last: bool) -> Sequence[Payload]:  # noqa: ARG002
        """Hand on everything that waits."""
        waiting = [item for notes in inputs if isinstance(notes, Notes) for item in notes.take()]
        noted = [item for item in waiting if isinstance(item, Noted)]
        if noted:
            self.frames += len(noted)
            self._tell(noted)
        return ()
