"""What a language model is told to do, and the most that an answer may cost. Pure."""

PROMPT_VERSION = "1"
"""Moves with the prompt; what was written by another one is written again."""
ANSWER_TOKENS_MAX = 800
SUM_UP = """\
You sum up recordings of work at a computer. Each line below begins with its time in seconds; `screen` lines were read
on the screen, other lines were said by the person named (`mic` is the user). Answer with a JSON object of the form
{"summary": [{"at_s": 12.5, "text": "one sentence"}]}: three to eight sentences, in the order of time, that tell what
was done, decided and left open, each with the time that it is about. Say only what the lines say, in their language."""


def most_tokens(text: str) -> tuple[int, int]:
    """At most so many tokens are sent for a text, and come back. A token is seldom less than two characters."""
    return -(-(len(SUM_UP) + len(text)) // 2), ANSWER_TOKENS_MAX
