"""A language model behind an OpenAI-compatible address: Ollama, llama.cpp and others on this machine, or a service.

DESIGN: what is sent is what was written down and read, never pictures or sound, and only if the config names the
address and the plan has the stage. The key comes from the environment or the system's keyring, and goes nowhere else.
Whatever the service does becomes one of two faults: it may be gone later (`Busy`), or it will not.
"""

import json
import os
import urllib.error
import urllib.request
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from reeld.enrich.engines.api import Busy, Written
from reeld.enrich.engines.missing import EngineMissing
from reeld.enrich.prompts import ANSWER_TOKENS_MAX, PROMPT_VERSION, SUM_UP, most_tokens
from reeld.enrich.worker_names import LANGUAGE_MODEL
from reeld_proto.errors import InternalError, RequestRejected

KEY_VARIABLE = "REELD_LANGUAGE_KEY"
KEYRING = ("reeld", "language")
TIMEOUT_S = 120.0
ANSWER_BYTES_MAX = 1_000_000
BUSY_S = 5.0


class LanguageModel:
    """One address and model. url: up to and without `/chat/completions`."""

    name = LANGUAGE_MODEL

    def __init__(self, url: str, model: str) -> None:
        """Raises EngineMissing for what is no address."""
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise EngineMissing(f"{url!r} is no address; `[enrich] language_url` looks like http://127.0.0.1:11434/v1")
        self._url, self._model = url.rstrip("/"), model
        self.version = f"{model}/{PROMPT_VERSION}"

    def sum_up(self, text: str) -> Written:
        """Have the text summed up. Raises Busy; RequestRejected for what it refuses; InternalError for no answer."""
        body = {
            "model": self._model,
            "messages": [{"role": "system", "content": SUM_UP}, {"role": "user", "content": text}],
            "temperature": 0,
            "max_tokens": ANSWER_TOKENS_MAX,
            "response_format": {"type": "json_object"},
        }
        answer = self._ask(json.dumps(body).encode())
        try:
            content = answer["choices"][0]["message"]["content"]
            usage = answer.get("usage") or {}
            tokens_in, tokens_out = (int(usage.get(each, 0)) for each in ("prompt_tokens", "completion_tokens"))
            told = [(float(each["at_s"]), " ".join(str(each["text"]).split())) for each in _json_in(content)["summary"]]
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise InternalError(f"the language model's answer makes no sense: {type(error).__name__}") from error
        return Written(
            [(at_s, sentence) for at_s, sentence in told if sentence],
            tokens_in or _tokens(SUM_UP + text),
            tokens_out or _tokens(str(content)),
        )

    def cost_of(self, text: str) -> tuple[int, int]:
        """See `Writer`."""
        return most_tokens(text)

    def _ask(self, body: bytes) -> Any:
        headers = {"content-type": "application/json"}
        key = find_key()
        if key:
            headers["authorization"] = f"Bearer {key}"
        request = urllib.request.Request(f"{self._url}/chat/completions", body, headers)  # noqa: S310 - checked above
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - checked above
                data = answer.read(ANSWER_BYTES_MAX)
        except urllib.error.HTTPError as error:
            raise _fault_of(error) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise Busy(f"the language model cannot be reached: {reason}", BUSY_S) from error
        try:
            return json.loads(data)
        except ValueError as error:
            raise InternalError("the language model's answer is no JSON") from error


def find_key() -> str:
    """The key of the service; empty if there is none."""
    key = os.environ.get(KEY_VARIABLE, "")
    if key or find_spec("keyring") is None:
        return key
    try:
        return str(import_module("keyring").get_password(*KEYRING) or "")
    except Exception:  # noqa: BLE001 - a keyring that is locked or broken has no key for us
        return ""


def _fault_of(error: urllib.error.HTTPError) -> Exception:
    with error:
        after = error.headers.get("retry-after", "") if error.headers else ""
    if error.code == 429 or error.code >= 500:
        after_s = float(after) if after.isdecimal() else BUSY_S
        return Busy(f"the language model answers {error.code}", min(after_s, 3600.0))
    return RequestRejected(
        f"the language model refuses: {error.code} {error.reason}",
        remedy=f"Look at `[enrich] language_url` and `language_model`, and at the key in {KEY_VARIABLE}.",
    )


def _json_in(content: str) -> Any:
    """The object in an answer, which some models wrap in a block of code."""
    return json.loads(content[content.index("{") : content.rindex("}") + 1])


def _tokens(text: str) -> int:
    return -(-len(text) // 4)
