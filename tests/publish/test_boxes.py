from gbanalysis.publish.boxes import box_for, box_sections
from gbanalysis.publish.notebooks import code_cell, markdown_cell


def sources(cells):
    return [cell.source for cell in cells]


def needs(table, source="x", hidden=False):
    return code_cell(source, {"tags": [f"needs-{table}", *(["remove-cell"] if hidden else [])]})


def box(heading, text):
    return f"{heading}\n\n:::{{admonition}} Not in your data\n:class: note\n{text}\n:::"


def test_pages_whose_tables_are_all_there_stay_cell_for_cell():
    cells = [markdown_cell("# A\n\ntext\n\n## B"), needs("refunds")]
    assert box_sections(cells, {"refunds"}) == cells


def test_a_section_goes_down_to_the_next_heading_of_its_level_or_a_higher_one():
    cells = [markdown_cell("# A\n\n## B\n\nwhy"), needs("refunds"), markdown_cell("### C\n\nmore"), code_cell("y")]
    cells += [markdown_cell("end of C\n\n## D\n\nlast"), code_cell("z")]
    sentence = "This section needs the table refunds, which your data do not have."
    assert sources(box_sections(cells, set())) == ["# A", box("## B", sentence), "## D\n\nlast", "z"]


def test_a_subsection_alone_is_boxed_where_only_it_needs_the_table():
    cells = [
        markdown_cell("## B\n\nwhy"),
        code_cell("x"),
        markdown_cell("### C"),
        needs("users"),
        markdown_cell("## D"),
    ]
    sentence = "This section needs the table users, which your data do not have."
    assert sources(box_sections(cells, set())) == ["## B\n\nwhy", "x", box("### C", sentence), "## D"]


def test_several_missing_tables_stand_in_one_sentence():
    cells = [markdown_cell("## B"), needs("users"), needs("refunds"), needs("weather")]
    sentence = "This section needs the tables refunds and users, which your data do not have."
    assert sources(box_sections(cells, {"weather"})) == [box("## B", sentence)]


def test_a_tag_may_name_a_column():
    cells = [markdown_cell("## B"), needs("suppliers"), needs("order_lines.supplier_id"), needs("products.name")]
    assert box_sections(cells, {"suppliers", "order_lines.supplier_id", "products.name"}) == cells
    sentence = "This section needs the columns order_lines.supplier_id and products.name, which your data do not have."
    assert sources(box_sections(cells, {"suppliers"})) == [box("## B", sentence)]
    sentence = (
        "This section needs the table suppliers and the column order_lines.supplier_id, which your data do not have."
    )
    assert sources(box_sections(cells, {"products.name"})) == [box("## B", sentence)]


def test_the_label_before_the_next_heading_is_kept():
    cells = [markdown_cell("## B"), needs("users"), markdown_cell("text\n\n(next)=\n\n## C")]
    assert sources(box_sections(cells, set()))[1] == "(next)=\n\n## C"


def test_the_label_of_the_boxed_section_is_kept():
    cells = [markdown_cell("intro\n\n(own)=\n## B\n\ntext"), needs("users")]
    assert sources(box_sections(cells, set()))[1].startswith("(own)=\n## B\n\n:::{admonition}")


def test_a_number_sign_inside_a_fence_is_no_heading():
    cells = [
        markdown_cell("## B"),
        needs("users"),
        markdown_cell("```sh\n# not a heading\n```\n\n:::\n# nor this\n:::"),
    ]
    assert len(box_sections(cells, set())) == 1


def test_a_hidden_check_goes_alone_and_its_section_stays():
    cells = [markdown_cell("## B\n\ntext"), code_cell("x"), needs("users", "check", hidden=True)]
    assert sources(box_sections(cells, set())) == ["## B\n\ntext", "x"]


def test_a_link_to_a_figure_that_is_boxed_becomes_words():
    figure = code_cell("plot()", {"tags": ["needs-refunds"], "mystnb": {"figure": {"name": "fig-a"}}})
    cells = [markdown_cell("# A\n\n{numref}`fig-a`, {numref}`fig-b`\n\n## B"), figure]
    assert sources(box_sections(cells, set()))[0] == "# A\n\nthe figure, {numref}`fig-b`"


def test_a_section_on_the_known_truth_says_that_real_data_have_none():
    box = box_for("## On the known truth", ["truth"])
    assert "known truth" in box.source and "table" not in box.source
