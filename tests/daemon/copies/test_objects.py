"""Objects in a cloud. Harms guarded against: errors of the library reaching people raw."""

import pytest

from reeld.copies.objects import ObjectTarget
from reeld_proto.errors import RequestRejected, TransportError


def test_an_object_comes_back_and_can_be_removed() -> None:
    target = ObjectTarget("memory:///")
    target.put("chunks/ab/abcd", b"one")
    assert target.get("chunks/ab/abcd") == b"one"
    assert list(target.list("chunks")) == ["chunks/ab/abcd"]
    target.delete("chunks/ab/abcd")
    target.delete("chunks/ab/abcd")
    assert target.get("chunks/ab/abcd") is None


def test_a_cloud_that_does_not_answer_is_a_transport_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setattr("reeld.copies.objects.RETRIES_MAX", 0)
    target = ObjectTarget("s3://bucket/prefix")
    with pytest.raises(TransportError) as caught:
        target.put("head", b"x")
    assert "s3://bucket/prefix" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_url_without_a_bucket_is_refused() -> None:
    with pytest.raises(RequestRejected):
        ObjectTarget("s3://")
