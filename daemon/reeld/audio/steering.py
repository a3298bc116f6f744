"""At which speed a device's sound is taken, so that it stays where it belongs. Pure.

DESIGN: while a device's clock agrees with ours nothing is touched. Only what has drifted for some time is steered: at
the device's own pace, and by a little more until the error is gone. No change exceeds `STEP_PPM` (0.01 %, of which ears
notice about thirty) and none comes within `PAUSE_NS` of the one before: 20 ppm a second at most.
"""

from reeld.audio.clockfit import Estimate
from reeld_proto.units import NS_PER_MS, NS_PER_S

BEGIN_DRIFT_NS = 2 * NS_PER_MS
"""A device that drifts by `DRIFT_PPM` or more is steered from this error on."""
BEGIN_NS = 5 * NS_PER_MS
"""Any device is, from this error on."""
DRIFT_PPM = 10.0
END_NS = NS_PER_MS // 2
END_PPM = 2.0
"""Steering ends when error and drift are both below these."""
REACH_NS = 25 * NS_PER_S
"""The error is taken back over so long."""
PULL_PPM = 120.0
"""By so much at most."""
STEP_PPM = 100.0
DEADBAND_PPM = 2.0
"""A smaller change is not worth a fade: it answers an error of 50 microseconds."""
PAUSE_NS = 5 * NS_PER_S


class Steering:
    """The speed of one stream. Used by one thread."""

    def __init__(self) -> None:
        self.following = False
        self._changed_ns: float | None = None

    def target(self, estimate: Estimate, error_ns: float, ppm: float) -> float:
        """The speed to take from now on, in ppm, where `ppm` is in force.

        error_ns: how much later the sound belongs than it is put.
        """
        # Only what is sure: what may be no drift and no error is let be.
        drift_ppm = _beyond(estimate.ppm, estimate.unsure_ppm)
        error_ns = _beyond(error_ns, estimate.spread_ns / 2)
        if not self.following:
            self.following = abs(error_ns) >= (BEGIN_DRIFT_NS if abs(drift_ppm) >= DRIFT_PPM else BEGIN_NS)
        elif abs(error_ns) < END_NS and abs(drift_ppm) < END_PPM:
            self.following = False
        wanted = 0.0
        if self.following:
            wanted = drift_ppm - min(max(error_ns / REACH_NS * 1e6, -PULL_PPM), PULL_PPM)
        change = min(max(wanted - ppm, -STEP_PPM), STEP_PPM)
        rested = self._changed_ns is None or estimate.at_ns - self._changed_ns >= PAUSE_NS
        if not rested or (abs(change) < DEADBAND_PPM and wanted != 0) or change == 0:
            return ppm
        self._changed_ns = estimate.at_ns
        # Whole tenths, so that what is told is what is done.
        return round(ppm + change, 1)


def _beyond(value: float, unsure: float) -> float:
    """What of `value` is left when it is nearer to 0 by `unsure`."""
    return max(0.0, abs(value) - unsure) * (1 if value > 0 else -1)
