"""Compressor and gate, which FFmpeg computes. Neither has latency; both are bit-identical however blocks are cut."""

from reeld.audio.dsp.filterchain import FilterChain
from reeld.audio.dsp.levels import factor
from reeld_proto.sound_graph import CompressorNode, GateNode

LOWEST = 2.0**-10
"""FFmpeg's compressor has no threshold below this, -60 dB."""
GATE_RATIO = 20.0
"""A gate is an expander as steep as this: 3 dB below the threshold it is closed by 57 dB, or by its range."""


def compressor(node: CompressorNode, rate: int, channels: int, inputs: int) -> FilterChain:
    """All channels together, by the root mean square of the loudest; with a key as the second input by the key's.

    Attack and release are FFmpeg's: the squared level comes 98 % of the way in that time.
    """
    settings = {
        "threshold": max(LOWEST, factor(node.threshold_db)),
        "ratio": node.ratio,
        "attack": node.attack_ms,
        "release": node.release_ms,
        "knee": factor(node.knee_db),
        "makeup": factor(node.makeup_db),
    }
    name = "sidechaincompress" if inputs == 2 else "acompressor"
    return FilterChain(
        [(name, arguments(settings, detection="rms"))], rate, channels, inputs=inputs, settle_s=settled(node)
    )


def gate(node: GateNode, rate: int, channels: int) -> FilterChain:
    """All channels together, by the peak of the loudest."""
    settings = {
        "threshold": factor(node.threshold_db),
        "range": factor(node.range_db),
        "ratio": GATE_RATIO,
        "attack": node.attack_ms,
        "release": node.release_ms,
        "knee": 1.0,
    }
    return FilterChain([("agate", arguments(settings, detection="peak"))], rate, channels, settle_s=settled(node))


def settled(node: CompressorNode | GateNode) -> float:
    """Seconds of silence after which the followed level is nothing: it fades four times as fast as the release says."""
    return 10 * max(node.attack_ms, node.release_ms) / 1000


def arguments(settings: dict[str, float], detection: str) -> str:
    """For a filter of FFmpeg."""
    return ":".join(
        [*(f"{name}={value!r}" for name, value in settings.items()), "link=maximum", f"detection={detection}"]
    )
