"""Which of several models a stage takes: a smaller one when there is little time, power or money. Pure.

DESIGN: what a better model found is never done again by a smaller one (`EngineChoice.also`); what was marked is worth
the best one. A model that the config names is taken as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SLOW = 1.0
"""Seconds a second of sound takes, from which on a model never keeps up with what is recorded."""
NEAR_SHARE = 0.8
"""From this share of a cap on the cheaper language model is asked."""
_ENGLISH = ".en"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a choice may depend on.

    on_battery: the machine. marked: somebody set a marker in the session, or pinned it. near_cap: most of what may be
    spent is spent. paces: seconds that a second of sound took with each model on this machine.
    """

    on_battery: bool = False
    marked: bool = False
    near_cap: bool = False
    paces: Mapping[str, float] = field(default_factory=dict)


USUAL = Circumstances()


def model_of_speech(models: Sequence[str], language: str, now: Circumstances) -> tuple[str, str, list[str]]:
    """One of the models that are there (at least one, better ones first), why, and those that are better.

    language: a code, or empty if it is to be found out; then a model for English alone takes no other one's place.
    """
    best = models[0]
    alike = [each for each in models if best.endswith(_ENGLISH) or language == "en" or not each.endswith(_ENGLISH)]
    chosen, why = best, f"the best model on this machine is {best}"
    if len(alike) > 1:
        if now.marked:
            why = f"{best}, the best model on this machine, for what was marked"
        elif now.on_battery:
            chosen = alike[-1]
            why = f"{chosen}, the smallest model on this machine, while it is on battery"
        elif now.paces.get(best, 0.0) > SLOW:
            chosen = next((each for each in alike if now.paces.get(each, 0.0) <= SLOW), alike[-1])
            why = f"{chosen}, since {best} takes {now.paces[best]:.1f} s for a second of sound on this machine"
    return chosen, why, list(models[: models.index(chosen)])


def language_model(model: str, small: str, now: Circumstances) -> tuple[str, str, list[str]]:
    """The language model to ask, why (empty: as configured), and the one that is better."""
    if small and now.near_cap:
        return small, f"{small}, since most of what may be spent is spent", [model]
    return model, "", []
