"""Provokes every error that a name, a directory, a file or a header can cause."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import struct
import zlib
from collections.abc import Callable

import shm
from provoke import Act, Place, refusing, text_writer
from shm import _files, _format, _linux
from test_format import with_crc

# Opening: names, directories, files


def without_a_directory(p: Place) -> None:
    p.environ("SHM_DIR", str(p.directory / "absent"))
    shm.Reader("r")


def a_directory_that_is_closed(p: Place) -> None:
    p.replace(os, "open", refusing(errno.EACCES))
    shm.Reader("r")


def a_directory_that_is_closed_meanwhile(p: Place) -> None:
    with shm.Writer("r") as writer:
        p.replace(os, "stat", refusing(errno.EACCES))
        writer.publish(bytes(9000))


def another_file(p: Place) -> None:
    p.file.write_text("shopping list")
    shm.Reader("r")


def a_folder(p: Place) -> None:
    p.file.mkdir()
    shm.Reader("r")


def a_file_of_another_mode(use: Callable[[str], object]) -> Act:
    def act(p: Place) -> None:
        text_writer().close()
        p.file.chmod(0o600)
        p.replace(_files.Location, "open", refusing(errno.EACCES))
        use("r")

    return act


def a_file_that_is_gone(p: Place) -> None:
    text_writer().close()
    p.replace(_files.Location, "open", refusing(errno.EACCES))
    p.replace(os, "stat", refusing(errno.ENOENT))
    shm.Reader("r")


def a_file_that_is_replaced_each_time(p: Place) -> None:
    text_writer().close()
    unlinked(p)
    shm.Reader("r")


def a_lock_that_is_removed_each_time(p: Place) -> None:
    text_writer().close()
    unlinked(p)
    shm.Writer("r")


def unlinked(p: Place) -> None:
    """Makes `fstat` report that each file was removed."""
    fstat = os.fstat

    def removed(descriptor: int) -> os.stat_result:
        fields = list(fstat(descriptor))
        fields[3] = 0
        return os.stat_result(fields)

    p.replace(os, "fstat", removed)


def a_region_that_is_created_each_time(p: Place) -> None:
    p.replace(_linux, "rename_new", refusing(errno.EEXIST))
    shm.Writer("r")


def a_region_that_does_not_appear(p: Place) -> None:
    shm.Reader("r", open_timeout=0.01)


def on_a_file_system_of_another_machine(p: Place) -> None:
    p.replace(_linux, "file_system", lambda descriptor: 0x6969)
    shm.Writer("r")


def without_whole_words(p: Place) -> None:
    p.replace(_linux, "WORDS_ARE_WHOLE", False)
    shm.Reader("r")


def a_writer_on_another_processor(p: Place) -> None:
    p.replace(_linux, "ORDERED", False)
    shm.Writer("r")


def a_reader_on_another_processor(p: Place) -> None:
    text_writer().close()
    p.replace(_linux, "ORDERED", False)
    shm.Reader("r")


def a_view_on_another_processor(p: Place) -> None:
    text_writer(checksum=True).close()
    p.replace(_linux, "ORDERED", False)
    shm.Reader("r").view()


def system(number: int) -> Act:
    """Lets the system refuse to reserve space for a new region."""

    def act(p: Place) -> None:
        p.replace(_linux, "fallocate", refusing(number))
        shm.Writer("r")

    return act


def a_directory_that_was_removed(p: Place) -> None:
    (p.directory / "removed").mkdir()
    p.monkeypatch.chdir(p.directory / "removed")
    p.environ("SHM_DIR", ".")
    (p.directory / "removed").rmdir()
    shm.Reader("r", open_timeout=10)


def a_list_of_an_absent_directory(p: Place) -> None:
    p.environ("SHM_DIR", str(p.directory / "absent"))
    shm.regions()


def a_list_of_a_closed_directory(p: Place) -> None:
    p.replace(os, "listdir", refusing(errno.EACCES))
    shm.regions()


# Headers


def header(at: int, layout: str, value: int, seal: bool = True) -> Act:
    """Reads a region whose header has another field."""

    def act(p: Place) -> None:
        text_writer().close()
        change_header(p, at, layout, value, seal)
        shm.Reader("r")

    return act


def change_header(p: Place, at: int, layout: str, value: int, seal: bool = True) -> None:
    image = bytearray(p.file.read_bytes())
    struct.pack_into("<" + layout, image, at, value)
    p.file.write_bytes(with_crc(bytes(image)) if seal else bytes(image))


def a_file_of(length: int) -> Act:
    def act(p: Place) -> None:
        text_writer().close()
        os.truncate(p.file, length)
        shm.Reader("r")

    return act


def a_file_that_shrinks(p: Place) -> None:
    text_writer().close()

    def shorter(*_: object, **__: object) -> None:
        raise ValueError("mmap length is greater than file size")

    p.replace(_files.mmap, "mmap", shorter)
    shm.Reader("r")


def a_file_of_holes(p: Place) -> None:
    shm.Writer("r", slots=2, capacity=1 << 25).close()
    length = p.file.stat().st_size
    os.truncate(p.file, 4096)
    os.truncate(p.file, length)
    shm.Reader("r")


def a_large_region(p: Place) -> None:
    text_writer().close()
    shm.Reader("r", limit=100)


def a_region_above_every_limit(p: Place) -> None:
    shm.Writer("r", slots=1 << 30, capacity=1 << 20)


def a_value_above_the_limit_for_files(p: Place) -> None:
    with text_writer() as writer:
        p.replace(resource, "getrlimit", lambda what: (1 << 20, 1 << 20))
        writer.publish("x" * (1 << 20))


def described(descriptor: bytes, fingerprint: int, kind: int = 5) -> Act:
    """Reads a region with this descriptor."""

    def act(p: Place) -> None:
        text_writer().close()
        image = bytearray(p.file.read_bytes())
        struct.pack_into("<I", image, 96, kind)
        struct.pack_into("<IIIQ", image, 100, len(descriptor), zlib.crc32(descriptor), 0, fingerprint)
        image[4096:4096] = descriptor + bytes(-len(descriptor) % 128)
        image += bytes(-len(image) % 4096)
        struct.pack_into("<Q", image, 32, len(image))
        p.file.write_bytes(with_crc(bytes(image)))
        shm.Reader("r")

    return act


def schema_of(document: bytes, kind: int = 5) -> Act:
    return described(_format.descriptor_of(document), _format.fingerprint_of(document), kind)


# Files that a writer must not trust


def of_mode(name: str, mode: int) -> Act:
    def act(p: Place) -> None:
        with_lock(p)
        (p.directory / name).chmod(mode)
        shm.Writer("r")

    return act


def with_lock(p: Place) -> None:
    text_writer().close()
    (p.directory / ".r.lock").touch(0o600)


def with_a_second_name(p: Place) -> None:
    text_writer().close()
    os.link(p.file, p.directory / "second")
    shm.Writer("r")


def of_another_user(p: Place) -> None:
    text_writer().close()
    p.replace(os, "geteuid", lambda: 12345)
    shm.Writer("r")


def a_lock_that_is_a_link(p: Place) -> None:
    (p.directory / ".r.lock").symlink_to("r")
    shm.Writer("r")


def a_lock_that_is_a_pipe(p: Place) -> None:
    os.mkfifo(p.directory / ".r.lock", 0o600)
    shm.Writer("r")


def a_lock_that_cannot_be_opened(p: Place) -> None:
    p.replace(_files.Location, "open", refusing(errno.EACCES))
    shm.Writer("r")


def a_lock_that_cannot_be_created(p: Place) -> None:
    p.replace(_files.Location, "create", refusing(errno.EACCES))
    shm.Writer("r")


def a_marked_file(p: Place) -> None:
    text_writer().close()
    location_open = _files.Location.open

    def open_(self: _files.Location, file: str, flags: int) -> int:
        if file == "r":
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        return location_open(self, file, flags)

    p.replace(_files.Location, "open", open_)
    shm.Writer("r")


def a_marked_lock(p: Place) -> None:
    p.replace(_files.Location, "open", refusing(errno.EPERM))
    shm.Writer("r")


def a_marked_directory(p: Place) -> None:
    p.replace(_files.Location, "create", refusing(errno.EPERM))
    shm.Writer("r")


def without_the_lock(number: int) -> Act:
    def act(p: Place) -> None:
        p.replace(fcntl, "fcntl", refusing(number))
        p.replace(_linux, "_is_open", lambda descriptor: True)
        shm.Writer("r")

    return act


def a_group_that_cannot_be_kept(p: Place) -> None:
    with text_writer(mode=0o640) as writer:
        fields = list(writer._own.status)
        writer._own.status = os.stat_result([*fields[:5], 1234, *fields[6:10]])
        p.replace(os, "fchown", refusing(errno.EPERM))
        writer.publish("x" * 9000)


def a_second_writer(p: Place) -> None:
    with text_writer():
        shm.Writer("r")


ACTS: list[Act] = [
    # Names and directories
    lambda p: shm.Reader("a b"),
    lambda p: shm.Writer("-r"),
    lambda p: shm.inspect(""),
    lambda p: shm.inspect("x" * 201),
    lambda p: shm.Reader("directory/"),
    lambda p: shm.Reader("a\0b/r"),
    lambda p: shm.Reader("\ud800/r"),
    lambda p: shm.Reader(5),  # type: ignore[arg-type]
    lambda p: shm.Writer(b"r"),  # type: ignore[arg-type]
    lambda p: shm.Reader("r"),
    lambda p: shm.inspect("r"),
    lambda p: shm.Reader("/absent/r"),
    without_a_directory,
    a_directory_that_is_closed,
    a_directory_that_is_closed_meanwhile,
    a_region_that_does_not_appear,
    a_directory_that_was_removed,
    a_list_of_an_absent_directory,
    a_list_of_a_closed_directory,
    # Files
    another_file,
    a_folder,
    a_file_of_another_mode(shm.Reader),
    a_file_that_is_gone,
    a_file_that_is_replaced_each_time,
    a_region_that_is_created_each_time,
    on_a_file_system_of_another_machine,
    without_whole_words,
    a_writer_on_another_processor,
    a_reader_on_another_processor,
    a_view_on_another_processor,
    *(system(number) for number in [*_files._SYSTEM_ERRORS, errno.EPROTO]),
    a_file_of(8),
    header(8, "H", 1),
    header(72, "Q", 16, seal=False),
    header(24, "Q", 1 << 63),
    header(12, "I", 8192),
    header(64, "Q", 3),
    a_file_of(5000),
    a_large_region,
    a_region_above_every_limit,
    a_value_above_the_limit_for_files,
    a_file_that_shrinks,
    a_file_of_holes,
    header(104, "I", 1),
    described(bytes(4), 0),
    described(struct.pack("<II", 1, 1 << 30), 0),
    header(96, "I", 9),
    header(112, "Q", 1),
    schema_of(b'{"type":"U8","types":{}}', kind=2),
    schema_of(b"{}"),
    schema_of(b'{"dtype":"<f4","shape":[2]}'),
    header(96, "I", 4),
    # Files that a writer must not trust
    a_file_of_another_mode(shm.Writer),
    of_mode("r", 0o666),
    of_mode(".r.lock", 0o622),
    with_a_second_name,
    of_another_user,
    a_lock_that_is_removed_each_time,
    a_lock_that_is_a_link,
    a_lock_that_is_a_pipe,
    a_lock_that_cannot_be_opened,
    a_lock_that_cannot_be_created,
    a_marked_file,
    a_marked_lock,
    a_marked_directory,
    without_the_lock(errno.EACCES),
    without_the_lock(errno.EINVAL),
    a_group_that_cannot_be_kept,
    a_second_writer,
]
