"""The report in a browser: nothing fails, nothing is asked of anyone, and every number is what scikit-learn finds."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, recall_score
from tests.reporting.page.browser import chromium, opened
from tests.run_folders import CLASS_NAMES, HOSTILE_NAMES, picture, write_images, write_record, write_run

from micacl.report import main
from micacl.reporting.published import published_tables
from micacl.run_folder.config import CONFIG_FILE
from micacl.run_folder.features import FEATURES_FILE
from micacl.run_folder.images import FRAMES_FILE, THUMBNAILS_FILE
from micacl.run_folder.instances import INSTANCES_FILE
from micacl.run_folder.metrics import METRICS_FILE
from micacl.run_folder.predictions import PREDICTIONS_FILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

CLIPS = [24, 18, 26, 21, 14, 3, 9]
TRAINING_CLIPS = [1956, 1515, 2135, 1738, 1175, 116, 721]
FOLDS = (1, 2, 3)
SETTINGS = {"ablation=a": "baseline (ablation=a)", "ablation=d": "MICACL (ablation=d)"}


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two settings of three folds on DFEW; one run has recorded pictures and instance weights."""
    folder = tmp_path_factory.mktemp("sweep")
    for job, (setting, fold) in enumerate((setting, fold) for setting in SETTINGS for fold in FOLDS):
        parts = dict.fromkeys(("geiim", "wian", "mccl"), setting == "ablation=d")
        about: dict[str, Any] = {"fold": fold, "setting": setting, "ablation": parts}
        write_run(folder / str(job), CLIPS, sample=job, dataset="dfew", class_counts=TRAINING_CLIPS, **about)
    clips = [f"{n:05d}" for n in range(sum(CLIPS))]
    rng = np.random.default_rng(0)
    write_images(folder / "3" / THUMBNAILS_FILE, clips, [picture(shade % 256) for shade in range(len(clips))])
    write_images(folder / "3" / FRAMES_FILE, [clips[5]] * 8, [picture(30 * shade) for shade in range(8)])
    weights, adjacency = rng.dirichlet(np.ones(4), len(clips)), rng.dirichlet(np.ones(4), 4)
    np.savez(folder / "3" / INSTANCES_FILE, clip=np.array(clips), weights=weights, adjacency=adjacency)
    return folder


@pytest.fixture(scope="module")
def report(sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    main([str(sweep), "--out", str(path)])
    return path


@pytest.fixture(scope="module")
def page(browser: "Browser", report: Path) -> Iterator["Page"]:
    with opened(browser, report) as opening:
        yield opening.page


def predictions(run: Path) -> tuple[list[str], list[str]]:
    with (run / PREDICTIONS_FILE).open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    return [row["label"] for row in table], [row["prediction"] for row in table]


def rates(run: Path) -> list[float]:
    """WAR, UAR and the recalls, by scikit-learn."""
    label, prediction = predictions(run)
    recall = recall_score(label, prediction, labels=CLASS_NAMES, average=None)
    return [100 * accuracy_score(label, prediction), 100 * balanced_accuracy_score(label, prediction), *(100 * recall)]


def cells(page: "Page", selector: str) -> list[list[str]]:
    """The body of a table, a list of texts a row; also where it is folded away."""
    rows: list[list[str]] = page.eval_on_selector_all(
        f"{selector} > tbody > tr", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))"
    )
    assert rows, selector
    return rows


def numbers(texts: list[str]) -> list[float]:
    return [float(number) for text in texts for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_opens_without_a_complaint_or_a_request(
    browser: "Browser", report: Path, width: int, color_scheme: str
) -> None:
    with opened(browser, report, width, color_scheme=color_scheme) as opening:
        page = opening.page
        assert opening.complaints == []
        assert opening.requests == [report.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        charts = page.locator("figure.chart")
        assert charts.count() >= 8
        for n in range(charts.count()):
            assert charts.nth(n).locator("svg.main-svg").first.bounding_box()["width"] <= width  # type: ignore[index]


def test_plotly_finds_no_fault_in_any_chart(page: "Page") -> None:
    faults = page.evaluate("""() => [...document.querySelectorAll(".plot")].flatMap((plot) =>
        (Plotly.validate(plot.data.map((trace) => ({...trace, visible: true})), plot.layout) ?? [])
            .filter((fault) => fault.code !== "unused")  // such as the colour of a grid that is not shown
            .map((fault) => fault.msg))""")
    assert faults == []


def test_results_are_those_of_scikit_learn(page: "Page", sweep: Path) -> None:
    rows = {row[0]: row for row in cells(page, "table.results")}
    for n, label in enumerate(SETTINGS.values()):
        runs = np.array([rates(sweep / str(job)) for job in range(3 * n, 3 * n + 3)])
        expected = np.stack([runs.mean(axis=0), runs.std(axis=0, ddof=1)], axis=1)
        best = np.add(expected[:2], [[1, 0], [2, 0]])  # what `write_run` says of the best epoch
        np.testing.assert_allclose(
            numbers(rows[label][3:]), np.concatenate([expected[:2], best, expected[2:]]).ravel(), atol=0.0051
        )
        assert rows[label][1] == "published: last epoch"


def test_published_rows_are_marked_as_test_selected(page: "Page") -> None:
    rows = {row[0]: row for row in cells(page, "table.results")}
    table = next(table for table in published_tables() if table.name == "Table I")
    assert page.locator("h3", has_text="beside Table I").count() == 1
    for row in table.rows:
        shown = rows[row.method]
        assert shown[1] == "published: best on test"
        assert shown[3:5] == ["–", "–"]
        assert numbers(shown[5:]) == [row.war, row.uar, *(row.recall or {}).values()]


def test_intervals_are_students(page: "Page", sweep: Path) -> None:
    for n, row in enumerate(cells(page, "table.intervals")):
        runs = np.array([rates(sweep / str(job))[:2] for job in range(3 * n, 3 * n + 3)])
        span = stats.ttest_1samp(runs, 0).confidence_interval(0.95)
        expected = [3, *np.stack([runs.mean(axis=0), span.low, span.high], axis=1).ravel()]
        np.testing.assert_allclose(numbers(row[1:]), expected, atol=0.0051)


def test_every_run_and_every_confusion_matrix(page: "Page", sweep: Path) -> None:
    for job, row in enumerate(cells(page, "table.runs")):
        np.testing.assert_allclose(numbers(row[3:]), rates(sweep / str(job)), atol=0.0051)
    shown = np.array([numbers(row[1:]) for row in cells(page, "table.confusion")]).reshape(2, 4, 7, 8)
    for n in range(2):
        runs = [confusion_matrix(*predictions(sweep / str(3 * n + fold)), labels=CLASS_NAMES) for fold in range(3)]
        for table, counts in zip(shown[n], [np.sum(runs, axis=0), *runs], strict=True):
            np.testing.assert_array_equal(table[:, :7], counts)
            recall = 100 * np.diagonal(counts) / counts.sum(axis=1)
            np.testing.assert_allclose(table[:, 7], recall, atol=0.0051)


def test_calibration_is_that_of_the_predictions(page: "Page", sweep: Path) -> None:
    for n, row in enumerate(cells(page, "table.ece")):
        sure, right = [], []
        for job in range(3 * n, 3 * n + 3):
            with (sweep / str(job) / PREDICTIONS_FILE).open(encoding="utf-8", newline="") as file:
                for line in csv.DictReader(file):
                    sure.append(float(line[f"p_{line['prediction']}"]))
                    right.append(line["prediction"] == line["label"])
        bins = np.digitize(sure, np.arange(1, 15) / 15, right=True)
        gaps = [abs(np.sum(np.array(sure)[bins == b] - np.array(right)[bins == b])) for b in range(15)]
        assert numbers(row[1:]) == pytest.approx([100 * sum(gaps) / len(sure), len(sure)], abs=0.0051)


def test_charts_hold_the_same_numbers(page: "Page", sweep: Path) -> None:
    tail = page.evaluate("document.querySelector('[id$=-tail] .plot').data.map(({customdata, y}) => ({customdata, y}))")
    order = [CLASS_NAMES[k] for k in np.argsort(TRAINING_CLIPS)[::-1]]
    runs = np.array([[rates(sweep / str(3 * n + fold))[2:] for fold in range(3)] for n in range(2)])
    for trace, recall in zip(tail[:2], runs.mean(axis=1), strict=True):
        assert trace["customdata"] == order
        np.testing.assert_allclose(trace["y"], recall[np.argsort(TRAINING_CLIPS)[::-1]])
    assert tail[-1]["y"] == sorted(TRAINING_CLIPS, reverse=True)


def test_hovering_a_confusion_cell_tells_its_clips(page: "Page", sweep: Path) -> None:
    page.select_option("#s1-confusion-choice-1", label="baseline (ablation=a): fold 2, seed 1")
    counts = confusion_matrix(*predictions(sweep / "1"), labels=CLASS_NAMES)
    chart = page.locator("[id$=-confusion] figure.chart").first
    chart.scroll_into_view_if_needed()
    box = chart.locator(".nsewdrag").bounding_box()
    assert box is not None
    side = box["width"] / 7, box["height"] / 7
    page.mouse.move(box["x"] + 2.5 * side[0] - 3, box["y"] + 1.5 * side[1] - 3)
    page.mouse.move(box["x"] + 2.5 * side[0], box["y"] + 1.5 * side[1], steps=3)
    hover = chart.locator(".hoverlayer .hovertext")
    hover.wait_for()
    text = hover.text_content()
    assert text is not None
    assert "label sadness" in text
    assert "predicted neutral" in text
    assert f"{counts[1, 2]} clips" in text


def test_hovering_a_clip_shows_its_frame_label_and_prediction(page: "Page", sweep: Path) -> None:
    chart = page.locator("[id$=-tsne] figure.chart")
    chart.scroll_into_view_if_needed()
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    # The wrong prediction that lies most alone: whatever is hovered there, it is that clip.
    found = page.evaluate("""() => {
        const plot = document.querySelector("[id$=-tsne] .plot");
        const {xaxis, yaxis} = plot._fullLayout;
        const points = plot.data.filter((trace) => trace.xaxis === "x1" || trace.xaxis === "x").flatMap((trace) =>
            trace.x.map((x, n) => ({x: xaxis.c2p(x), y: yaxis.c2p(trace.y[n]), clip: trace.customdata[n][1],
                wrong: trace.marker.symbol.endsWith("-open")})));
        const alone = (p) => Math.min(...points.filter((q) => q !== p).map((q) => Math.hypot(p.x - q.x, p.y - q.y)));
        return points.filter((p) => p.wrong).reduce((best, p) => (alone(p) > alone(best) ? p : best));
    }""")
    page.mouse.move(box["x"] + found["x"] - 4, box["y"] + found["y"] - 4)
    page.mouse.move(box["x"] + found["x"], box["y"] + found["y"], steps=3)
    page.wait_for_selector("#hover:not([hidden])")
    label, prediction = predictions(sweep / "0")
    n = found["clip"]
    assert label[n] != prediction[n]
    assert page.locator("#hover .words div").all_text_contents() == [
        f"clip {n:05d}",
        f"label: {label[n]}",
        f"prediction: {prediction[n]}",
    ]
    # The middle of the picture has the shade that the clip's picture was made of.
    shade = page.evaluate("""async () => {
        const style = document.querySelector("#hover .picture").style;
        const image = new Image();
        image.src = /url\\("?(.*?)"?\\)/.exec(style.backgroundImage)[1];
        await image.decode();
        const scale = image.naturalWidth / parseFloat(style.backgroundSize);
        const [x, y] = style.backgroundPosition.split(" ").map((offset) => (56 - parseFloat(offset)) * scale);
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        return context.getImageData(x, y, 1, 1).data[0];
    }""")
    assert shade == pytest.approx(n % 256, abs=6)


def test_the_legend_switches_a_class_with_the_keyboard(page: "Page") -> None:
    visible = """() => document.querySelector("[id$=-tsne] .plot").data
        .filter((trace) => trace.legendgroup === "class2").map((trace) => trace.visible)"""
    button = page.locator("[id$=-tsne] .legend button", has_text="neutral")
    assert set(page.evaluate(visible)) == {True}
    button.focus()
    page.keyboard.press("Enter")
    assert set(page.evaluate(visible)) == {False}
    assert button.get_attribute("aria-pressed") == "false"
    page.keyboard.press("Space")  # the focus is still on the button
    assert set(page.evaluate(visible)) == {True}


def test_instances_with_their_frames(page: "Page", sweep: Path) -> None:
    with np.load(sweep / "3" / INSTANCES_FILE) as arrays:
        weights, adjacency = arrays["weights"][5], arrays["adjacency"]
    shown = page.locator(".clip .weight").all_text_contents()
    np.testing.assert_allclose([float(text) for text in shown], weights, rtol=0, atol=0.0006)
    assert page.locator(".clip .instance").first.locator("img").count() == 2
    np.testing.assert_allclose([numbers(row[1:]) for row in cells(page, "table.adjacency")], adjacency, atol=0.00051)
    label, prediction = predictions(sweep / "3")
    caption = page.locator(".clip figcaption").first.text_content()
    assert caption == f"00005: {label[5]}, predicted {prediction[5]}"


def test_curves_of_a_chosen_metric(page: "Page", sweep: Path) -> None:
    page.select_option("#s1-curves-choice", label="train/total")
    lines = page.evaluate("document.querySelector('[id$=-curves] .plot').data.map((trace) => trace.y)")
    for job, line in enumerate(lines):
        with (sweep / str(job) / METRICS_FILE).open(newline="") as file:
            expected = [float(row["train/total"]) for row in csv.DictReader(file)]
        assert line == pytest.approx(expected, rel=1e-4)
    assert len(lines) == 6


def test_on_paper_charts_are_light_and_as_wide_as_the_sheet(browser: "Browser", report: Path) -> None:
    with opened(browser, report, color_scheme="dark") as opening:
        page = opening.page
        assert page.pdf(format="A4").startswith(b"%PDF")
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate("document.querySelector('[id$=-curves] .plot').layout.width") <= 690
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("document.querySelector('[id$=-curves] .plot').layout.font.color") == "#1c1e21"
        assert opening.complaints == []


def test_hostile_names_are_shown_and_never_executed(browser: "Browser", tmp_path: Path) -> None:
    attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)><b>x</b><a href='https://example.org'>y</a>"
    names = [*HOSTILE_NAMES, attack]
    fields: dict[str, Any] = {"dataset": attack, "setting": f"x={attack}", "class_counts": [9, 8, 7, 6, 5, 4, 3]}
    folder = write_run(tmp_path / "<b>run", [9, 8, 7, 6, 5, 4, 3], names, **fields)
    (folder / CONFIG_FILE).write_text(f"'{attack}': '{attack}'\nother: !!python/name:os.system\n")
    main([str(folder), "--out", str(tmp_path / "report.html")])
    with opened(browser, tmp_path / "report.html") as opening:
        page = opening.page
        assert opening.complaints == []
        assert opening.requests == [(tmp_path / "report.html").as_uri()]
        shown = page.locator("table.results thead").text_content() or ""
        assert attack in shown
        assert "[red]joy[/red]" in shown
        ticks = page.locator("[id$=-tail] .xtick").all_text_contents()
        assert attack in ticks
        assert "<script>alert(1)</script>" in ticks
        assert "x, y & $z$" in ticks
        assert attack in (page.locator("[id$=-tsne] .legend").text_content() or "")
        assert page.locator("#s1-missing").text_content() is not None


def test_gaps_are_named_and_nothing_is_invented(browser: "Browser", tmp_path: Path) -> None:
    whole = write_run(tmp_path / "sweep" / "0", [12, 9, 13, 10, 7, 0, 4], fold=1)
    (whole / FEATURES_FILE).unlink()
    without = write_run(tmp_path / "sweep" / "1", CLIPS, fold=2)
    (without / PREDICTIONS_FILE).unlink()
    text = (without / METRICS_FILE).read_text().splitlines()
    text[3] = "3,30,nan,inf,0.5,0.5"
    (without / METRICS_FILE).write_text("\n".join(text))
    write_record(tmp_path / "sweep" / "2", status="running", results=None, fold=3)
    write_run(tmp_path / "other", [5, 5], ["a", "b"], dataset="other")
    main([str(tmp_path / "sweep"), str(tmp_path / "other"), "--out", str(tmp_path / "report.html")])
    with opened(browser, tmp_path / "report.html") as opening:
        page = opening.page
        assert opening.complaints == []
        missing = page.locator("#s1-missing").text_content() or ""
        assert "predictions.csv is missing: the run (finished) has not written its predictions." in missing
        assert "train/total (first at epoch 3), test/war (first at epoch 3)" in missing
        assert "still running, or killed" in missing
        assert "default: disgust has no test clip in 1 of 2 runs." in (page.text_content("#s1-results") or "")
        assert "not recorded by these runs" in (page.text_content("#s1-instances") or "")
        assert "training clips are not recorded" in (page.text_content("#s1-classes") or "")
        assert "cannot be compared" in (page.text_content("header") or "")
        assert page.locator("article").count() == 2
        row = cells(page, "#s1 table.confusion")[5]
        assert row == ["disgust", *["0"] * 7, "–"]
        lines = page.evaluate("document.querySelector('#s1-curves .plot').data.map((trace) => trace.y)")
        assert lines[1][2] == 50  # test/uar of epoch 3, the first metric that is shown
        page.select_option("#s1-curves-choice", label="test/war")
        lines = page.evaluate("document.querySelector('#s1-curves .plot').data.map((trace) => trace.y)")
        assert lines[1][2] is None
