"""Read a text file that a person wrote: UTF-8, with or without a byte order mark.

What can't be read gets a sentence that says what to do about it; what stands in the file is never
repeated. One reader for the mapping file and for files of settings.
"""

import codecs
import os
from pathlib import Path
from typing import Final

# The longer ones first: UTF-32's little-endian mark begins with that of UTF-16.
_OTHER_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_SAVE: Final = "save it as UTF-8 (in PowerShell: … | Out-File -Encoding utf8 FILE)"


class TextFileError(ValueError):
    """The file can't be read; the text says why and what to do, without the file's name."""


def read_text(path: Path) -> str:
    """The file's text, without a byte order mark and with line ends as they are.

    Raises TextFileError; FileNotFoundError when there is nothing at that path.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        # What Docker makes of a bind mount whose file is not there (moby/moby#21702).
        raise TextFileError(
            f"is a directory: remove it, make the file (touch {path.name}), start again"
        ) from None
    except PermissionError:
        raise TextFileError(
            f"may not be read by user {os.getuid()}: give that user the right to read it"
        ) from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown"
        raise TextFileError(f"can't be read ({reason})") from None
    return _decoded(raw)


def _decoded(raw: bytes) -> str:
    for mark, name in _OTHER_MARKS:
        if raw.startswith(mark):
            raise TextFileError(f"is {name} text: {_SAVE}")
    # Without a mark too: half of the bytes of Latin text in UTF-16 are NUL, none of UTF-8's are.
    if b"\x00" in raw:
        raise TextFileError(f"holds NUL bytes, as UTF-16 text does: {_SAVE}")
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TextFileError(f"is not UTF-8 text in line {line}: {_SAVE}") from None
