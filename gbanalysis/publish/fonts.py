"""A web font with just the Chinese characters that the built pages hold, so that they render on any machine."""

import hashlib
import shutil
from collections.abc import Iterable
from importlib.metadata import files
from pathlib import Path
from typing import Any

FONT_PACKAGE = "cvttf-notosanscjk-regular"
WEB_FONT = "gbanalysis-cjk.woff2"
RANGES = ((0x2E80, 0x303F), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF), (0x20000, 0x2FA1F))
"""CJK radicals and punctuation, ideographs with their extensions, full-width forms."""


def cjk_characters(texts: Iterable[str]) -> str:
    """Collect the Chinese characters and punctuation of some texts, each once, in order.

    >>> cjk_characters(["团长 leader", "团购"])
    '团购长'
    """
    return "".join(sorted({char for text in texts for char in text if any(a <= ord(char) <= b for a, b in RANGES)}))


def web_font(characters: str, cache: Path) -> Path:
    """Return a woff2 with the characters, made once for each set of them.

    Raises
    ------
    FileNotFoundError
        Where the font's package has no font.
    """
    source = font_file()
    key = hashlib.blake2b(f"{source.stat().st_size}{characters}".encode(), digest_size=16).hexdigest()
    made = cache / f"{key}.woff2"
    if not made.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        beside = made.with_suffix(".part")
        _subset(source, characters, beside)
        beside.replace(made)
    return made


def put_web_font(html: Path, cache: Path) -> int:
    """Put the font that the built pages need into their ``_static/fonts``; return how many characters it has."""
    characters = cjk_characters(page.read_text("utf-8") for page in html.rglob("*.html"))
    target = html / "_static" / "fonts" / WEB_FONT
    target.parent.mkdir(parents=True, exist_ok=True)
    if characters:
        shutil.copyfile(web_font(characters, cache), target)
    return len(characters)


def font_file() -> Path:
    """Find Noto Sans CJK in its package.

    Raises
    ------
    FileNotFoundError
        Where the package has no font.
    """
    for file in files(FONT_PACKAGE) or ():
        path = Path(str(file.locate()))
        if path.suffix == ".otf" and path.is_file():
            return path
    raise FileNotFoundError(f"{FONT_PACKAGE} holds no font")


def _subset(source: Path, characters: str, target: Path) -> None:
    from fontTools.subset import Options, Subsetter, load_font, save_font

    options = Options(flavor="woff2", layout_features=["kern"], hinting=False, desubroutinize=True, notdef_outline=True)
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    font = load_font(str(source), options, lazy=True)
    _prefer_simplified(font)
    subsetter = Subsetter(options)
    subsetter.populate(text=characters)
    subsetter.subset(font)
    save_font(font, str(target), options)


def _prefer_simplified(font: Any) -> None:
    """Let each character stand for the form used in mainland China where the font draws it in several ways."""
    table = font["GSUB"].table
    scripts = {record.ScriptTag: record.Script for record in table.ScriptList.ScriptRecord}
    systems = {record.LangSysTag: record.LangSys for record in scripts["hani"].LangSysRecord}
    if "ZHS " not in systems:
        return
    features = [table.FeatureList.FeatureRecord[number] for number in systems["ZHS "].FeatureIndex]
    lookups = [
        number for record in features if record.FeatureTag == "locl" for number in record.Feature.LookupListIndex
    ]
    swaps: dict[str, str] = {}
    for number in lookups:
        for subtable in table.LookupList.Lookup[number].SubTable:
            swaps.update(getattr(subtable, "ExtSubTable", subtable).mapping)
    for encoding in font["cmap"].tables:
        if hasattr(encoding, "cmap"):
            encoding.cmap = {code: swaps.get(glyph, glyph) for code, glyph in encoding.cmap.items()}
