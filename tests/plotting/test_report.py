import base64
import html
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from jaxmicro.plotting import Badge, Card, Report, cell, format_number
from jaxmicro.plotting import report as report_module
from jaxmicro.plotting.markup import Noted, slug, symbol_html
from jaxmicro.plotting.style import symbol

VOID = {"meta", "img", "br", "link", "hr"}
HOSTILE = "<script>alert('x')</script> & \"quotes\" <img src=x onerror=y> \x00\x1b"


class Walk(HTMLParser):
    """Walks a page, checks that tags are closed in order, and keeps what tests ask for."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, name):
        return [attrs for tag, attrs, _ in self.tags if tag == name]


def full_report(text="plain"):
    report = Report(text, text).text(f"{text}\n\nsecond paragraph").cards([Card(text, text, text, text, "gap"), Card("n", 3, status="met")])
    report.warning(text, text)
    for index in range(4):
        report.section(f"{text} {index}").subsection(text).text(text).code(text)
    report.table([text, "k_xx", "value"], [[text, Badge("met", text), Noted(1.0, text)], [None, True, 2.5]], text)
    report.figure("cell", cell(np.eye(4, dtype=int)), text, text)
    report.figure("wide", Figure(figsize=(7.4, 1)), "wide one")
    return report.provenance({text: text}, config=text, command=text)


def test_a_page_is_well_formed_and_complete():
    walk = Walk(full_report().html())
    assert walk.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in walk.all("meta")
    headings = [tag for tag, _, _ in walk.tags if tag in ("h1", "h2", "h3")]
    assert headings.count("h1") == 1
    assert all(attrs.get("scope") in ("col", "row") for attrs in walk.all("th"))
    ids = [attrs["id"] for _, attrs, _ in walk.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    targets = [attrs["href"][1:] for attrs in walk.all("a")]
    assert len(targets) == 5
    assert set(targets) <= set(ids)
    assert all(attrs["aria-labelledby"] in ids for _, attrs, _ in walk.tags if "aria-labelledby" in attrs)


def test_text_is_never_read_as_html():
    page = full_report(HOSTILE).html()
    walk = Walk(page)
    assert walk.all("script") == []
    assert [attrs for attrs in walk.all("img") if not attrs["src"].startswith("data:image/png;base64,")] == []
    assert not any(name.startswith("on") for _, attrs, _ in walk.tags for name in attrs)
    shown = "".join(walk.text)
    clean = HOSTILE.replace("\x00", "").replace("\x1b", "")
    assert shown.count(clean.strip()) >= 15
    assert "\x00" not in page
    assert "\x1b" not in page


def test_nothing_is_fetched():
    page = full_report().html()
    walk = Walk(page)
    text = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]*", "", page)
    assert not re.search(r"https?:|ftp:|@import|url\(|srcset|<link|<script|<iframe|<object", text)
    assert all(attrs["src"].startswith("data:") for attrs in walk.all("img"))
    assert walk.all("link") == []
    (policy,) = [attrs["content"] for attrs in walk.all("meta") if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_figures_are_in_the_page_and_beside_it(tmp_path):
    report = full_report()
    path = report.write(tmp_path / "run")
    walk = Walk(path.read_text(encoding="utf-8"))
    assert report.figure_names == ("cell", "wide")
    for name, attrs in zip(report.figure_names, walk.all("img"), strict=True):
        embedded = base64.b64decode(attrs["src"].partition(",")[2], validate=True)
        assert embedded == (path.parent / "figures" / f"{name}.png").read_bytes()
        assert attrs["alt"]
        with Image.open(io.BytesIO(embedded)) as image:
            assert image.width == pytest.approx(int(attrs["width"]) * 150 / 96, abs=2)
    assert sorted(each.name for each in path.parent.rglob("*")) == ["cell.png", "figures", "report.html", "wide.png"]
    wide = [attrs for attrs in walk.all("div") if attrs.get("class") == "paper"]
    assert ["tabindex" in attrs for attrs in wide] == [False, True]


def test_equal_reports_give_equal_files(tmp_path):
    first, second = (full_report().write(tmp_path / name).read_bytes() for name in "ab")
    assert first == second
    assert full_report().write(tmp_path / "a").read_bytes() == first


def test_neighbouring_figures_share_a_row():
    report = Report("t").figure("a", Figure((1, 1)), "a").figure("b", Figure((1, 1)), "b").text("between").figure("c", Figure((1, 1)), "c")
    walk = Walk(report.html())
    assert [attrs.get("class") for attrs in walk.all("div")].count("figures") == 2


def test_a_page_too_large_gets_coarser_figures_and_whole_files(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).random((200, 200))
    report = Report("t").figure("noise", cell(noise), "noise")
    full = len(report.html())
    monkeypatch.setattr(report_module, "SIZE_LIMIT", full // 4)
    path = report.write(tmp_path)
    assert path.stat().st_size < full // 4
    assert (path.parent / "figures" / "noise.png").stat().st_size > full // 2


def test_only_long_reports_have_contents():
    short = Report("t").section("a").section("a").section("b")
    assert Walk(short.html()).all("nav") == []
    walk = Walk(short.section("Größe & Maß").html())
    assert len(walk.all("nav")) == 1
    assert [attrs["href"] for attrs in walk.all("a")][1:] == ["#a", "#a-2", "#b", "#groe-ma"]


def test_a_section_cannot_take_the_anchor_of_the_page():
    ids = [attrs["id"] for attrs in Walk(Report("t").section("Main").section("TOC").section("δ").html()).all("h2")]
    assert ids == ["main-2", "toc-2", slug("δ")]
    assert slug("δ") == "section"


def test_tables_format_numbers_and_set_them_right():
    walk = Walk(Report("t").table(["name", "k_xx (W/m/K)"], [["a", 0.000012345], ["b", float("nan")], ["c", None]], "Caption").html())
    assert [attrs.get("class") for attrs in walk.all("td")] == ["num"] * 3
    shown = "".join(walk.text)
    assert "1.234 × 10⁻⁵" in shown
    assert "kxx (W/m/K)" in shown
    assert walk.all("sub") == [{}]
    assert shown.count("–") == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.5, "−0.5"),
        (12345.678, "1.235 × 10⁴"),
        (123456, "123456"),
        (-3, "−3"),
        (10**9, "1 × 10⁹"),
        (1e-12, "1 × 10⁻¹²"),
        (-2.5e20, "−2.5 × 10²⁰"),
        (float("nan"), "–"),
        (float("-inf"), "−∞"),
        (np.float32(0.1), "0.1"),
        (np.int64(7), "7"),
    ],
)
def test_numbers_are_written_for_people(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(("value", "text"), [(102.3, "102"), (-99.6, "−100"), (7345.0, "7345"), (0.5, "0.5"), (2e5, "2 × 10⁵")])
def test_few_digits_do_not_make_powers_of_ten(value, text):
    assert format_number(value, 2) == text


@pytest.mark.parametrize(
    ("name", "figure", "page"),
    [
        ("k_xx", r"$k_{\mathrm{xx}}$", "<i>k</i><sub>xx</sub>"),
        ("σ_vM (MPa)", r"$σ_{\mathrm{vM}}$ (MPa)", "<i>σ</i><sub>vM</sub> (MPa)"),
        ("nu_xy", r"$nu_{\mathrm{xy}}$", "<i>nu</i><sub>xy</sub>"),
        ("k_mean", r"$k_{\mathrm{mean}}$", "<i>k</i><sub>mean</sub>"),
        ("run_folder", "run_folder", "run_folder"),
        ("as_is", "as_is", "as_is"),
        ("my_cell", "my_cell", "my_cell"),
        ("a_<b", "a_<b", "a_&lt;b"),
        ("$5_a", r"\$5_a", "$5_a"),
    ],
)
def test_short_names_with_an_index_are_symbols(name, figure, page):
    assert symbol(name) == figure
    assert symbol_html(name) == page


def test_badges_say_it_in_words():
    page = Report("t").table(["a", "b"], [["x", Badge("gap")], ["y", Badge("missed", "too far")]]).html()
    assert "verified gap" in page
    assert "too far" in page
    assert html.unescape(page).count("△") == 1


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Report("  "), "`title` must be some text"),
        (lambda: Report("t").figure("../up", Figure(), "a"), "`name` must be letters, digits"),
        (lambda: Report("t").figure("a", Figure(), " "), "`alt` must say what the figure 'a' shows"),
        (lambda: Report("t").figure("a", Figure(), "a").figure("a", Figure(), "a"), "`name` must be used once, but 'a'"),
        (lambda: Report("t").table(["a"], [[1, 2]]), "`rows\\[0\\]` must have 1 cells, one per column, but it has 2"),
        (lambda: Report("t").table([], []), "`header` must name at least one column"),
        (lambda: Badge("great"), "`status` must be one of"),
        (lambda: Card("a", 1, status="mett"), "Did you mean 'met'"),
    ],
)
def test_bad_parts_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
