"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from htmu.errors import RunFileError
from htmu.files import check_place, whole_file


def test_new_file_has_ordinary_permissions(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.write_text("")
    with whole_file(tmp_path / "a.csv") as name:
        assert name.endswith(".csv")
        Path(name).write_text("text")
        assert not (tmp_path / "a.csv").exists()
    assert (tmp_path / "a.csv").read_text() == "text"
    assert stat.S_IMODE(os.stat(tmp_path / "a.csv").st_mode) == stat.S_IMODE(
        os.stat(ordinary).st_mode
    )


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")

    def fail_half_way() -> None:
        with whole_file(target) as name:
            Path(name).write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_old_file_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")
    with target.open() as reader:
        with whole_file(target) as name:
            Path(name).write_text("new")
            assert target.read_text() == "old"
        assert reader.read() == "old"
    assert target.read_text() == "new"


def test_a_link_keeps_pointing_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    with whole_file(tmp_path / "link") as name:
        Path(name).write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_device_is_written_to_and_not_replaced() -> None:
    with pytest.raises(RunFileError, match="No space left"), whole_file("/dev/full") as name:
        Path(name).write_text("text")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_bad_places_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place, message in [
        ("", "an empty name"),
        (str(tmp_path), "name a file"),
        (str(tmp_path / "none" / "a.csv"), "there is no folder"),
        (str(tmp_path / "file" / "a.csv"), "there is no folder"),
    ]:
        with pytest.raises(RunFileError, match=message):
            check_place(place)
        with pytest.raises(RunFileError, match=message), whole_file(place):
            pytest.fail("the block must not run")


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="no folder that is read-only for root")
def test_read_only_folder_is_one_line() -> None:
    with pytest.raises(RunFileError, match=r"cannot write /proc/a\.csv") as caught:
        whole_file("/proc/a.csv").__enter__()
    assert "\n" not in str(caught.value)
