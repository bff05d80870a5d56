"""Text files as people's tools write them: which encoding, which separator, and UTF-8 for the engine."""

import codecs
import csv
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gbanalysis.errors import ContractError

CHUNK = 1 << 20
SEPARATORS = (",", ";", "\t", "|")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class UnreadableTextError(ContractError):
    """A text file that cannot be read for sure; the message says why, after the name of the file."""


@dataclass(frozen=True)
class Dialect:
    """How a text file is written: its encoding, its separator, lines above the header and the header's names."""

    encoding: str
    separator: str
    skip: int
    header: tuple[str, ...]


def detect_dialect(path: Path) -> Dialect:
    """Read the head of a CSV or TSV file (gzip too) and tell how it is written.

    Raises
    ------
    UnreadableTextError
        The file is empty, or its encoding is none of UTF-8, UTF-16 and GB18030.
    """
    try:
        with _open(path) as file:
            head = file.read(CHUNK)
            whole = len(head) < CHUNK
    except (OSError, EOFError) as error:
        raise UnreadableTextError(f"it cannot be unpacked: {error}") from error
    if not head.strip(b"\x00 \r\n\t\xff\xfe\xef\xbb\xbf"):
        raise UnreadableTextError("the file is empty")
    encoding = _encoding(head, whole)
    text = head.decode(encoding, errors="replace")  # only its first line is used; the whole file is checked when read
    named = re.match(r"sep=(.)\r?\n", text)
    record = _first_record(text[named.end() :] if named else text)
    bare = re.sub(r'"[^"]*"', "", record)
    separator = named[1] if named else max(SEPARATORS, key=bare.count)
    header = next(csv.reader(record.splitlines(keepends=True), delimiter=separator), [])
    if not any(name.strip() for name in header):
        raise UnreadableTextError("its first line, where the column names belong, is blank")
    names = tuple(name.strip() or f"unnamed_{place}" for place, name in enumerate(header, 1))
    return Dialect(encoding, separator, int(bool(named)), names)


def as_utf8(path: Path, encoding: str, folder: Path) -> Path:
    """The file in UTF-8: itself, or a copy in the folder, written chunk by chunk.

    The whole file is decoded, for the head alone may hide a wrong encoding. A head of plain ASCII says nothing: then
    the rest decides between UTF-8 and GB18030.

    Raises
    ------
    UnreadableTextError
        Bytes that are not text in the file's encoding; the message names the line of the first.
    """
    if encoding in ("utf-8", "utf-8-sig"):
        try:
            for _ in _decoded(path, "utf-8"):
                pass
        except UnreadableTextError as error:
            if encoding == "utf-8" and _is_ascii_head(path) and _decodes_as_chinese(path):
                encoding = "gb18030"
            else:
                raise error
        else:
            return path
    copy = folder / f"{len(list(folder.iterdir()))}.csv"
    with copy.open("w", encoding="utf-8", newline="") as out:
        out.writelines(_decoded(path, encoding))
    return copy


def _first_record(text: str) -> str:
    """The first lines up to where every quote is closed; quoted column names may hold line ends."""
    record = ""
    for line in text.splitlines(keepends=True):
        record += line
        if record.count('"') % 2 == 0:
            break
    return record


def _encoding(head: bytes, whole: bool) -> str:
    """The encoding of a file that begins with these bytes."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[offset::2].count(0) > len(head) // 8:
            return encoding
    if _decodes(head, "utf-8", whole) is not None:
        return "utf-8"
    text = _decodes(head, "gb18030", whole)
    if text is not None and _looks_chinese(text):
        return "gb18030"
    raise UnreadableTextError("its encoding is none of UTF-8, UTF-16 and GB18030; save it as 'CSV UTF-8'")


def _decodes(head: bytes, encoding: str, whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeDecodeError:
        return None


def _looks_chinese(text: str) -> bool:
    """Whether what is not ASCII is mostly common Chinese: nearly any bytes can be decoded as GB18030."""
    odd = [char.encode("gb18030") for char in text if not char.isascii()][:10_000]
    common = sum(len(pair) == 2 and 0xA1 <= pair[0] <= 0xF7 and pair[1] >= 0xA1 for pair in odd)
    return common >= 0.7 * len(odd)


def _is_ascii_head(path: Path) -> bool:
    with _open(path) as file:
        return file.read(CHUNK).isascii()


def _decodes_as_chinese(path: Path) -> bool:
    try:
        return all(_looks_chinese(text) for text in _decoded(path, "gb18030"))
    except UnreadableTextError:
        return False


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    """The file as text, chunk by chunk."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    with _open(path) as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].count(b"\n")
                raise UnreadableTextError(f"line {line} holds bytes that are not {encoding.upper()} text") from error
            lines += text.count("\n")
            yield text
            if not chunk:
                return


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
