from gbanalysis.publish.progress import Progress, complain


def test_a_log_has_one_line_a_page(capsys):
    with Progress(quiet=False, total=2) as progress:
        progress.page("sales/a", 61.25, "over 60 s")
        progress.page("sales/b", 0.5)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["sales/a", "61.2", "s", "over", "60", "s"], ["sales/b", "0.5", "s"]]


def test_quiet_says_nothing_but_faults(capsys):
    with Progress(quiet=True, total=1) as progress:
        progress.page("sales/a", 1.0)
        progress.say("x")
    complain("fault")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "fault\n")
