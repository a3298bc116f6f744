"""The language model's service, spoken to over real HTTP. Harms guarded against: a service that hangs or talks nonsense
and takes the worker along, a key that ends up anywhere but in the request, and faults that are taken for others."""

import json
import threading
from collections.abc import Iterator

import pytest

from reeld.enrich.engines import language
from reeld.enrich.engines.api import Busy, Writer
from reeld.enrich.engines.language import KEY_VARIABLE, LanguageModel
from reeld.enrich.engines.missing import EngineMissing
from reeld_proto.errors import InternalError, RequestRejected
from tests.support.language_service import TOLD, Service, answer


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.ending.set()
        made.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def test_sentences_come_with_their_times_and_what_was_counted(service: Service) -> None:
    service.reply = (200, {}, answer(json.dumps(TOLD), usage={"prompt_tokens": 120, "completion_tokens": 30}))
    model = LanguageModel(service.url + "/", "small")
    written = model.sum_up("[1.0] mic: plan B it is")
    assert isinstance(model, Writer)
    assert (written.sentences, written.tokens_in, written.tokens_out) == ([(1.5, "They chose plan B.")], 120, 30)
    path, authorization, body = service.asked[0]
    assert (path, authorization, body["model"], body["temperature"]) == ("/v1/chat/completions", "", "small", 0)
    assert body["messages"][1]["content"] == "[1.0] mic: plan B it is"


def test_an_answer_in_a_block_of_code_is_understood_and_one_without_usage_is_counted(service: Service) -> None:
    service.reply = (200, {}, answer(f"Here you are:\n```json\n{json.dumps(TOLD)}\n```"))
    written = LanguageModel(service.url, "m").sum_up("text")
    assert written.sentences == [(1.5, "They chose plan B.")]
    assert written.tokens_in > 50
    assert written.tokens_out > 10


def test_the_key_goes_into_the_request_and_nowhere_else(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-secret")
    model = LanguageModel(service.url, "m")
    service.reply = (401, {}, b"no")
    with pytest.raises(RequestRejected) as caught:
        model.sum_up("text")
    assert service.asked[0][1] == "Bearer sk-secret"
    told = f"{caught.value} {caught.value.remedy} {model.version} {capsys.readouterr()}"
    assert "sk-secret" not in told
    assert KEY_VARIABLE in caught.value.remedy


@pytest.mark.parametrize(
    ("status", "after", "wanted_s"), [(429, "7", 7.0), (429, "soon", 5.0), (500, "", 5.0), (503, "", 5.0)]
)
def test_a_service_that_is_busy_or_broken_says_when_to_come_back(
    service: Service, status: int, after: str, wanted_s: float
) -> None:
    service.reply = (status, {"retry-after": after} if after else {}, b"later")
    with pytest.raises(Busy, match=str(status)) as caught:
        LanguageModel(service.url, "m").sum_up("text")
    assert caught.value.after_s == wanted_s


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        answer("no object"),
        answer('{"summary": 5}'),
        answer('{"summary": [{"text": "no time"}]}'),
        answer('{"summary": [{"at_s": "x", "text": "a"}]}'),
        b"\xff\xfe",
    ],
)
def test_nonsense_is_a_fault_and_not_a_summary(service: Service, data: bytes) -> None:
    service.reply = (200, {}, data)
    with pytest.raises(InternalError):
        LanguageModel(service.url, "m").sum_up("text")


def test_a_service_that_never_answers_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "TIMEOUT_S", 0.2)
    service.reply = None
    with pytest.raises(Busy, match="cannot be reached"):
        LanguageModel(service.url, "m").sum_up("text")


def test_nobody_there_is_a_service_that_may_come(service: Service) -> None:
    with pytest.raises(Busy, match="cannot be reached"):
        LanguageModel("http://127.0.0.1:9/v1", "m").sum_up("text")


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "localhost:11434", "ftp://host/v1", "http://"])
def test_what_is_no_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(EngineMissing, match="address"):
        LanguageModel(url, "m")
