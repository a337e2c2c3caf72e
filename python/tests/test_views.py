"""Views: values that are read in place, without a copy."""

from __future__ import annotations

import gc

import pytest
import shm
from conftest import publish


def test_a_view_reports_that_it_was_overwritten() -> None:
    with shm.Writer("r", "text", slots=2) as writer, shm.Reader("r") as reader:
        with pytest.raises(shm.Empty):
            reader.view()
        publish(writer, "a")
        with reader.view() as view:
            assert bytes(view.data) == b"a" and view.data.readonly and view.sequence == 1 and view.time > 0
            publish(writer, "b")
            assert view.is_whole()
            publish(writer, "c")
            assert not view.is_whole()
        assert view.data is None
        assert (reader.sequence, reader.recv(0)) == (1, "b")


def test_a_view_outlives_its_reader_and_its_region() -> None:
    writer = shm.Writer("r", "bytes")
    writer.publish(b"x" * 4096)
    reader = shm.Reader("r")
    view = reader.view()
    data = view.data
    writer.remove()
    reader.close()
    del reader, writer
    gc.collect()
    assert bytes(data) == b"x" * 4096 and view.is_whole()
    view.__exit__()
    del view
    gc.collect()
    assert data[4095] == ord("x")


def test_a_view_of_a_damaged_value_is_refused() -> None:
    with shm.Writer("r", "text", checksum=True) as writer, shm.Reader("r") as reader:
        publish(writer, "abc")
        assert reader.view()
        ring = writer._ring
        ring.map[ring.slot_word(1) * 8 + 24] = ord("A")
        for read in (reader.view, reader.latest):
            with pytest.raises(shm.Damaged, match="'r'"):
                read()
