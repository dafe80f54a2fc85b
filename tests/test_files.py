import errno

import pytest

from gasearch.errors import RunDirectoryError
from gasearch.files import replace_text, replacing


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "hull.json"
    replace_text(path, "old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("ne")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    replace_text(path, "new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["hull.json"]


def test_a_full_disk_is_named_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "hull.json"
    replace_text(path, "old")
    expected = r"hull\.json: No space left on device; .* is kept: free some space"
    with pytest.raises(RunDirectoryError, match=expected), replacing(path) as temporary:
        temporary.write_text("new")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "old"


def test_a_file_that_is_being_written_is_not_taken_for_one_that_is(tmp_path):
    with replacing(tmp_path / "label.json") as temporary:
        temporary.write_text("{")
        assert list(tmp_path.glob("*.json")) == []
