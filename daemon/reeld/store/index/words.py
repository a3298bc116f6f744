"""Text as words that can be compared: one rule for what is indexed and for what is asked.

DESIGN: folding and cutting happen here and not in the engine's tokenizer, so that the index, the plain scan that stands
in for it, and the query agree on every text, whatever release of SQLite is installed. Letters lose case, width and
diacritics. Scripts that are written without spaces become one word a character; asked for, such a text is a phrase.
"""

import re
import unicodedata

_ASCII_WORD = re.compile(r"[a-z0-9]+")
# Kana, Han, Thai, Lao, Khmer and Myanmar letters stand alone; any other letters and digits in a row are one word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


def words_of(text: str) -> list[str]:
    """The words of a text, folded, in order. Never empty; of ASCII only lower-case letters and digits."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _WORD.findall(_folded(text))


def _folded(text: str) -> str:
    # Folding case may bring marks back (the dotted capital I), hence twice.
    once = unicodedata.normalize("NFKD", text).casefold()
    twice = unicodedata.normalize("NFKD", once)
    return "".join(character for character in twice if unicodedata.category(character) != "Mn")
