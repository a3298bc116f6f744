"""Filters, one after the other."""

from reeld.audio.dsp.biquads import biquad
from reeld.audio.dsp.filterchain import FilterChain
from reeld_proto.sound_graph import EqualiserNode


def equaliser(node: EqualiserNode, rate: int, channels: int) -> FilterChain:
    """The bands in double precision, without latency: within 1e-6 of scipy's `sosfilt`, and however blocks are cut."""
    return FilterChain([("biquad", biquad(band, rate).arguments()) for band in node.bands], rate, channels)
