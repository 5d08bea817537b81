import os
import subprocess

import pytest

from scraping_project.cli.atomic_file import complete_file


def write(path, content, error=None):
    with complete_file(path) as file:
        file.write(content)
        if error is not None:
            raise error


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_there_when_the_block_has_ended(tmp_path):
    with complete_file(tmp_path / "new") as file:
        file.write(b"x")
        assert not (tmp_path / "new").exists()
    assert (tmp_path / "new").read_bytes() == b"x"
    assert names(tmp_path) == ["new"]


@pytest.mark.parametrize("error", [EOFError(), KeyboardInterrupt(), SystemExit(2)])
def test_a_block_that_fails_leaves_the_old_file_and_no_other(tmp_path, error):
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(type(error)):
        write(tmp_path / "old", b"new", error)
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_a_block_that_fails_leaves_no_file_where_there_was_none(tmp_path):
    with pytest.raises(EOFError):
        write(tmp_path / "new", b"new", EOFError())
    assert names(tmp_path) == []


def test_the_permissions_of_the_old_file_stay(tmp_path):
    (tmp_path / "old").touch()
    (tmp_path / "old").chmod(0o640)
    write(tmp_path / "old", b"new")
    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o640


def test_a_new_file_has_the_permissions_that_any_has(tmp_path):
    (tmp_path / "any").touch()
    write(tmp_path / "new", b"new")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(tmp_path, there):
    if there:
        (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_device_or_a_pipe_is_written_to_as_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        write(tmp_path / "pipe", b"new")
        assert reader.stdout.read() == b"new"
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match="name a file in it"):
        write(tmp_path, b"new")


def test_a_name_of_any_length_has_room_for_the_part_beside_it(tmp_path):
    write(tmp_path / ("n" * 255), b"new")
    assert names(tmp_path) == ["n" * 255]
