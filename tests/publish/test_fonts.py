from fontTools.ttLib import TTFont

from gbanalysis.publish import fonts


def test_only_chinese_characters_are_collected_each_once():
    assert fonts.cjk_characters(["团长 leader 团", "价，x²"]) == "".join(sorted("团长价，"))


def test_the_web_font_has_the_characters_and_little_else(tmp_path):
    made = fonts.web_font("团长，", tmp_path)
    characters = set(TTFont(made).getBestCmap())
    assert characters == {ord(char) for char in "团长，"}
    assert made.stat().st_size < 20_000


def test_the_font_is_made_once_for_a_set_of_characters(tmp_path):
    first = fonts.web_font("团", tmp_path)
    before = first.stat().st_mtime_ns
    assert fonts.web_font("团", tmp_path) == first
    assert first.stat().st_mtime_ns == before
    assert fonts.web_font("购", tmp_path) != first


def test_mainland_forms_are_drawn(tmp_path):
    """骨 is drawn in another way in mainland China than in Taiwan, which the font's file draws by default."""
    source = TTFont(fonts.font_file(), lazy=True)
    default = source.getBestCmap()[ord("骨")]
    width = source["CFF "].cff[0].CharStrings[default].calcBounds
    made = TTFont(fonts.web_font("骨", tmp_path))
    drawn = made["CFF "].cff[0].CharStrings[made.getBestCmap()[ord("骨")]]
    assert drawn.calcBounds(None) != width(None)


def test_pages_get_the_font_they_need(tmp_path):
    html = tmp_path / "html"
    html.mkdir()
    (html / "a.html").write_text("<p>自提点</p>", "utf-8")
    assert fonts.put_web_font(html, tmp_path / "cache") == 3
    assert (html / "_static" / "fonts" / fonts.WEB_FONT).is_file()
    (html / "a.html").write_text("<p>plain</p>", "utf-8")
    assert fonts.put_web_font(html, tmp_path / "cache") == 0
