"""In which encoding a file of text is written, in COPY's words, and its sample as UTF-8."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lambdas.infer_schema.sample import Sample
from lambdas.shared.domain.errors import EncodingError

_MARKS = {
    codecs.BOM_UTF8: "UTF8",
    codecs.BOM_UTF16_LE: "UTF16LE",
    codecs.BOM_UTF16_BE: "UTF16BE",
}
_UTF32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16 = {"UTF16LE": "utf-16-le", "UTF16BE": "utf-16-be"}
_PROBE_BYTES = 4096

_WIDE_CHARACTER = re.compile(rb"[\xc3-\xf4][\x80-\xbf]{1,3}")
_WINDOWS_ONLY = re.compile(rb"[\x80-\x9f]")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_LETTER = re.compile(rb"[A-Za-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A sample as UTF-8 without its byte order mark, and how the file itself is written.

    `encoding` is a name that COPY's ENCODING takes; `marked` says whether the file begins with a
    byte order mark.
    """

    sample: Sample
    encoding: str
    marked: bool


def as_text(sample: Sample, wanted: str | None = None) -> Text:
    """The sample in UTF-8; `wanted` is the encoding that the job names, otherwise it is found.

    Raises EncodingError, with the line where it can, if no encoding that COPY reads fits.
    """
    if sample.head.startswith(_UTF32_MARKS):
        raise EncodingError("the file is UTF-32, which COPY cannot read; write it as UTF-8")
    mark = next((mark for mark in _MARKS if sample.head.startswith(mark)), b"")
    encoding = _chosen(sample, wanted, _MARKS.get(mark))
    if encoding in _UTF16:
        sample = _from_utf16(sample, _UTF16[encoding])
    else:
        sample = _from_bytes(sample, encoding)
    if mark:
        sample = replace(sample, head=sample.head.removeprefix(codecs.BOM_UTF8))
    _refuse_nul(sample)
    return Text(sample=sample, encoding=encoding, marked=bool(mark))


def _chosen(sample: Sample, wanted: str | None, marked: str | None) -> str:
    if wanted == "UTF16" and marked in _UTF16:
        wanted = marked
    if wanted == "UTF16" or (wanted and marked and wanted != marked):
        raise EncodingError(
            f"the job says encoding {wanted} and the file's byte order mark says"
            f" {marked or 'nothing, which UTF16 needs'}; mend csv.encoding in the job"
        )
    return wanted or marked or _without_mark(sample)


def _without_mark(sample: Sample) -> str:
    """UTF-16 shows as every other byte NUL; UTF-8 as UTF-8; what is left may be ISO 8859-1."""
    probe = sample.head[:_PROBE_BYTES]
    even, odd = probe[::2].count(0), probe[1::2].count(0)
    if max(even, odd) > len(probe) // 6 and min(even, odd) == 0:
        return "UTF16LE" if odd else "UTF16BE"
    damage = _not_utf8(sample)
    if damage is None:
        return "UTF8"
    everything = b"\n".join(_lines(sample))
    if _WIDE_CHARACTER.search(everything):
        raise damage
    if _WINDOWS_ONLY.search(everything):
        raise EncodingError(
            "the file is neither UTF-8 nor ISO 8859-1, perhaps Windows-1252, which COPY cannot"
            " read; write it as UTF-8",
            **damage.where,
        )
    if len(_BEYOND_ASCII.findall(everything)) > len(_LETTER.findall(everything)):
        raise EncodingError(
            "the file's encoding cannot be told: it is not UTF-8, and too much of it is outside"
            " ASCII for ISO 8859-1; write it as UTF-8, or set csv.encoding in the job",
            **damage.where,
        )
    return "ISO88591"


def _not_utf8(sample: Sample) -> EncodingError | None:
    """What is wrong with the sample as UTF-8, and in which line if that can be said."""
    for index, part in enumerate(_lines(sample)):
        try:
            part.decode()
        except UnicodeDecodeError as error:
            line = part.count(b"\n", 0, error.start) + 1 if index == 0 else None
            return EncodingError(
                "the file is not valid UTF-8"
                + (f", first in line {line}" if line else "")
                + "; write it again, or set csv.encoding in the job",
                line=line,
            )
    return None


def _lines(sample: Sample) -> Iterator[bytes]:
    """The sample in whole lines, so that no character is cut."""
    yield sample.head if sample.whole else _until_newline(sample.head)
    for piece in sample.pieces:
        content = piece.content[piece.content.find(b"\n") + 1 :]
        yield content if piece.last else _until_newline(content)


def _until_newline(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def _from_utf16(sample: Sample, codec: str) -> Sample:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        head = decoder.decode(sample.head, final=sample.whole)
        pieces = tuple(
            # a piece may begin and end inside a character, of which nothing is left
            replace(piece, content=piece.content.decode(codec, "ignore").encode())
            for piece in sample.pieces
        )
    except UnicodeError as error:
        raise EncodingError("the file is not valid UTF-16; write it as UTF-8") from error
    return replace(sample, head=head.encode(), pieces=pieces)


def _from_bytes(sample: Sample, encoding: str) -> Sample:
    """Whole lines only, in UTF-8; ISO 8859-1 cannot fail."""
    if encoding == "ISO88591":
        return replace(
            sample,
            head=_recoded(sample.head),
            pieces=tuple(
                replace(piece, content=_recoded(piece.content)) for piece in sample.pieces
            ),
        )
    if damage := _not_utf8(sample):
        raise damage
    return sample


def _recoded(content: bytes) -> bytes:
    return content.decode("latin-1").encode()


def _refuse_nul(sample: Sample) -> None:
    for content in (sample.head, *(piece.content for piece in sample.pieces)):
        if (at := content.find(b"\0")) >= 0:
            line = content[:at].count(b"\n") + 1 if content is sample.head else None
            raise EncodingError(
                "the file holds NUL characters"
                + (f", first in line {line}" if line else "")
                + ": it is binary, or damaged; COPY would end the row there",
                line=line,
            )
