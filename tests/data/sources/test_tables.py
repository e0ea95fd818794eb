"""Tables: columns found or named, paths found, rows that can't be used said at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from conftest import MakeFolder
from convscope.data.decoding.decode import decode_content
from convscope.data.sources import table_files, unpacking
from convscope.data.sources.naming import ordered, to_classes
from convscope.data.sources.opening import open_dataset
from convscope.data.sources.table_files import TableColumn, read_table
from convscope.errors import DataError

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a table beside a folder with `images/0.png` to `images/5.png`."""
    (tmp_path / "set" / "images").mkdir(parents=True)
    for number in range(6):
        Image.new("RGB", (4, 4), (number * 40, 0, 0)).save(
            tmp_path / "set" / "images" / f"{number}.png"
        )

    def write_table(content: str | bytes, name: str = "photos.csv") -> Path:
        path = tmp_path / "set" / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_table


PLAIN = "path,label\nimages/0.png,cat\nimages/1.png,dog\nimages/2.png,cat\n"


def test_paths_and_labels_are_found_by_the_names_of_their_columns(write: Write) -> None:
    dataset = open_dataset(write(PLAIN))
    assert dataset.name == "photos"
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 1, 0]
    assert dataset.images.name(1) == "images/1.png"
    assert decode_content(dataset.images.content(1)).pixels[0, 0].tolist() == [40, 0, 0]
    assert not dataset.has_splits
    assert dataset.remarks == ("paths from column `path`, labels from `label`",)


@pytest.mark.parametrize(
    "header", ["Image,Class", "FILENAME,Species", "image_path,target", "id,breed", "file,LABEL"]
)
def test_common_names_are_known_in_any_case(write: Write, header: str) -> None:
    assert open_dataset(write(PLAIN.replace("path,label", header))).classes == ("cat", "dog")


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        PLAIN.replace(",", " , ").replace("\n", "  \n"),
        PLAIN.replace("cat", '"cat"'),
        PLAIN.replace("path", '"path"') + "\n\n",
        PLAIN.rstrip(),
        PLAIN.encode("utf-16"),
        PLAIN.replace("images", "./images"),
    ],
)
def test_what_programs_write_is_understood(write: Write, content: str | bytes) -> None:
    dataset = open_dataset(write(content))
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 1, 0]
    assert decode_content(dataset.images.content(2)).pixels[0, 0].tolist() == [80, 0, 0]


def test_tsv_and_parquet_are_the_same_table(write: Write) -> None:
    tsv = write(PLAIN.replace(",", "\t"), "photos.tsv")
    table = pa.table(
        {"path": [f"images/{n}.png" for n in range(3)], "label": ["cat", "dog", "cat"]}
    )
    pyarrow.parquet.write_table(table, tsv.with_suffix(".parquet"))
    for path in (tsv, tsv.with_suffix(".parquet")):
        dataset = open_dataset(path)
        assert dataset.labels.tolist() == [0, 1, 0]
        assert dataset.remarks == ("paths from column `path`, labels from `label`",)


def test_columns_can_be_named(write: Write) -> None:
    table = write("a,b,c,d\n0,images/0.png,x,p1\n1,images/1.png,y,p1\n")
    dataset = open_dataset(table, path_column="b", label_column="C", group_column="d")
    assert dataset.classes == ("x", "y")
    assert dataset.groups == ["p1", "p1"]
    assert dict(dataset.columns) == {"a": ["0", "1"]}


def test_splits_are_found_and_classes_matched_between_them(write: Write) -> None:
    table = write("path,label,Subset\nimages/0.png,a,Train\nimages/1.png,b,train\n"
                  "images/2.png,b,VALID\nimages/3.png,a,testing\n")  # fmt: skip
    dataset = open_dataset(table)
    assert dataset.given_splits == ("train", "train", "validation", "test")
    assert "split `validation` has no images of a" in dataset.remarks


def test_a_class_unknown_to_train_is_an_error(write: Write) -> None:
    table = write("path,label,split\nimages/0.png,a,train\nimages/1.png,b,val\n")
    with pytest.raises(DataError, match="split train .* doesn't know 1 class of the data"):
        open_dataset(table)


def test_a_column_that_is_only_called_like_splits_is_an_ordinary_one(write: Write) -> None:
    dataset = open_dataset(write("path,label,set\nimages/0.png,a,A\nimages/1.png,b,B\n"))
    assert not dataset.has_splits
    assert list(dataset.columns["set"]) == ["A", "B"]


def test_labels_that_are_numbers_stay_text_and_sort_as_numbers(write: Write) -> None:
    dataset = open_dataset(write("path,label\nimages/0.png,10\nimages/1.png,9\nimages/2.png,10\n"))
    assert dataset.classes == ("9", "10")
    assert dataset.labels.tolist() == [1, 0, 1]


def test_names_of_classes_are_preferred_to_their_numbers(write: Write) -> None:
    dataset = open_dataset(write("path,label,class_name\nimages/0.png,1,cat\nimages/1.png,0,ant\n"))
    assert dataset.classes == ("ant", "cat")


def test_all_rows_that_cannot_be_used_are_said_at_once(write: Write) -> None:
    table = write(
        "path,label,split,patient\n"
        "images/0.png,cat,train,p\n"
        ",cat,train,p\n"  # row 3
        "images/1.png,,train,p\n"
        "\n"
        "images/2.png,cat,trian,p\n"  # row 6
        "images/3.png,cat\n"
        "images/0.png,dog,train,p\n"
        "images/0.png,cat,val,p\n"
        "images/4.png,cat,,p\n"
        "images/5.png,cat,train,\n"
    )
    with pytest.raises(DataError) as caught:
        open_dataset(table, group_column="patient")
    names = "`train`, `val` or `test`"
    assert caught.value.message == (
        f"`{table}` has 8 rows that can't be used\n"
        "  row 3, column `path`: is empty\n"
        "  row 4, column `label`: is empty\n"
        f"  row 6, column `split`: `trian` is no split; say {names}\n"
        "  row 7, all columns: has 2 cells, the header has 4\n"
        "  row 8, column `path`: `images/0.png` has another label in row 2\n"
        "  row 9, column `path`: `images/0.png` has another split in row 2\n"
        "  row 10, column `split`: is empty\n"
        "  row 11, column `patient`: is empty"
    )
    assert caught.value.hint == "correct or remove these rows; the first row of the file is row 1"


def test_many_such_rows_are_counted_and_the_first_twenty_shown(write: Write) -> None:
    table = write("path,label\n" + "".join(f"{n}.png,\n" for n in range(1000)))
    with pytest.raises(DataError, match=r"has 1,000 rows .*\n(  row .*\n){20}  and 980 more\n"):
        open_dataset(table)


def test_rows_that_repeat_another_are_left_out_with_a_remark(write: Write) -> None:
    dataset = open_dataset(write(PLAIN + "./images/0.png,cat\n"))
    assert len(dataset) == 3
    assert "1 row left out that repeat another with the same label" in dataset.remarks


def test_paths_with_line_breaks_and_separators_are_read(write: Write, tmp_path: Path) -> None:
    (tmp_path / "set" / "images" / "0.png").rename(tmp_path / "set" / "images" / "a\n,b.png")
    dataset = open_dataset(write('path,label\n"images/a\n,b.png",cat\nimages/1.png,dog\n'))
    assert decode_content(dataset.images.content(0)).pixels.shape == (4, 4, 3)


def test_absolute_paths_are_read(write: Write, tmp_path: Path) -> None:
    start = f"{tmp_path}/set/images"
    dataset = open_dataset(write(PLAIN.replace("images", start)))
    assert decode_content(dataset.images.content(0)).pixels.shape == (4, 4, 3)
    assert len(dataset.remarks) == 1  # they lie in the table's folder all the same


@pytest.mark.parametrize("start", ["../other", "images/../../other", "/ABSOLUTE"])
def test_images_that_lie_elsewhere_are_read_and_said(
    write: Write, tmp_path: Path, start: str
) -> None:
    (tmp_path / "other").mkdir()
    for number in (0, 1):
        (tmp_path / "set" / "images" / f"{number}.png").rename(tmp_path / "other" / f"{number}.png")
    start = start.replace("/ABSOLUTE", str(tmp_path / "other"))
    inside = "images/2.png,cat\nimages/../images/3.png,dog\n"
    table = write(f"path,label\n{start}/0.png,cat\n{start}/1.png,dog\n{inside}")
    dataset = open_dataset(table)
    assert all(dataset.images.content(index) for index in range(4))
    remark = f"2 images outside of `{table.parent}`, for instance `{start}/0.png`"
    assert remark in dataset.remarks


@pytest.mark.parametrize(
    ("first", "description"),
    [
        ("0.png", "below a folder beside the table"),
        ("images/0", "with the suffix that the table leaves out"),
        ("0", "below a folder beside the table, with the suffix that it leaves out"),
    ],
)
def test_shortened_paths_are_found_and_said(write: Write, first: str, description: str) -> None:
    content = "id,label\n" + "".join(f"{first.replace('0', str(n))},{n % 2}\n" for n in range(6))
    dataset = open_dataset(write(content))
    assert dataset.images.name(5) == "images/5.png"
    assert decode_content(dataset.images.content(5)).pixels[0, 0].tolist() == [200, 0, 0]
    assert f"images were found {description}, for instance `images/0.png`" in dataset.remarks


def test_images_in_several_folders_are_found_by_their_names(write: Write, tmp_path: Path) -> None:
    (tmp_path / "set" / "more" / "deep").mkdir(parents=True)
    (tmp_path / "set" / "images" / "5.png").rename(tmp_path / "set" / "more" / "deep" / "5.png")
    content = "image_id,dx\n" + "".join(f"{n},{n % 2}\n" for n in (5, 0, 1))
    dataset = open_dataset(write(content))
    names = [dataset.images.name(index) for index in range(3)]
    assert names == ["more/deep/5.png", "images/0.png", "images/1.png"]


def test_a_name_that_may_be_two_files_is_an_error(write: Write, tmp_path: Path) -> None:
    (tmp_path / "set" / "more").mkdir()
    (tmp_path / "set" / "more" / "0.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"`0.png` in .* may be `images/0.png` or `more/0.png`"):
        open_dataset(write(PLAIN.replace("images/", "")))


def test_backslashes_are_taken_as_slashes(write: Write) -> None:
    dataset = open_dataset(write(PLAIN.replace("/", "\\")))
    assert dataset.images.name(0) == "images/0.png"
    assert "backslashes in the table's paths were taken as slashes" in dataset.remarks


def test_a_table_whose_images_are_elsewhere_is_an_error(write: Write, tmp_path: Path) -> None:
    table = write(PLAIN.replace("images", "nowhere").replace(".png", ".gif"))
    with pytest.raises(DataError) as caught:
        open_dataset(table)
    assert caught.value.message == (
        f"of the first 3 images in `{table}` none is there; looked in `{tmp_path / 'set'}`, "
        "for instance for `nowhere/0.gif`"
    )


def test_addresses_in_place_of_paths_are_an_error(write: Write) -> None:
    with pytest.raises(DataError, match="has web addresses in place of paths"):
        open_dataset(write(PLAIN.replace("images", "https://example.org")))


def test_a_single_missing_image_is_an_image_that_cannot_be_read(write: Write) -> None:
    dataset = open_dataset(write(PLAIN + "images/9.png,dog\n"))
    with pytest.raises(DataError, match="can't be read: No such file"):
        dataset.images.content(3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no header"),
        ("\n\n", "has no header"),
        ("path,label\n", "has no images"),
        ("a" * 200_000, "the header of .* can't be read: field larger than field limit"),
        ("path,path\na,b\n", "has two columns called `path`"),
        ("a,b\nx,y\n", "has no column with a common name for the path; it has `a`, `b`"),
        ("path,b\nx,y\n", "has no column with a common name for the label; it has `b`"),
        (PLAIN.replace("dog", "caf\xe9").encode("latin-1"), "is not UTF-8 in row 3"),
        (PLAIN.replace("label", "caf\xe9").encode("latin-1"), "is not UTF-8 in row 1"),
        (b"path,label\na.png,b,\xff\n", "is not UTF-8 in row 2"),
        (b"\xff\xfex", "is no UTF-16"),
        ("path,label\nimages/0.png\n", "row 2, all columns: has 1 cell, the header has 2"),
        ("path,label\n\0.png,a\n", "has a zero byte, as no path has"),
    ],
)
def test_tables_that_cannot_be_read_are_errors(
    write: Write, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        open_dataset(write(content))


def test_a_column_that_is_not_there_is_an_error_with_the_nearest_name(write: Write) -> None:
    with pytest.raises(DataError) as caught:
        open_dataset(write(PLAIN), label_column="labels")
    assert "has no column `labels` for the label; it has `label`" in caught.value.message
    assert caught.value.hint == "did you mean `label`?"
    for name in ("path", "split", "group"):
        column: dict[str, Any] = {f"{name}_column": "nothing"}
        with pytest.raises(DataError, match=f"no column `nothing` for the {name}"):
            open_dataset(write(PLAIN), **column)


def test_a_damaged_parquet_file_is_an_error(write: Write) -> None:
    with pytest.raises(DataError, match="can't be read as Parquet"):
        open_dataset(write(b"PAR1", "photos.parquet"))


COLUMNS_WITHOUT_TEXT = {
    "fixed-bytes": pa.array([b"\xff" * 16] * 3, pa.binary(16)),
    "fixed-text": pa.array([b"sixteen letters."] * 3, pa.binary(16)),
    "bytes": pa.array([b"\xff", b"a", None]),
    "seen-bytes": pa.array([b"\xff", b"a", None], pa.binary_view()),
    "identities": pa.array([b"\xff" * 16] * 3, pa.uuid()),
    "lists": pa.array([[1], [], None]),
    "maps": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
}


@pytest.mark.parametrize("kind", COLUMNS_WITHOUT_TEXT)
def test_a_parquet_column_that_has_no_form_as_text_costs_nothing(write: Write, kind: str) -> None:
    columns = {
        "path": ["images/0.png", "images/1.png", "images/2.png"],
        "label": ["cat", "dog", "cat"],
        "more": COLUMNS_WITHOUT_TEXT[kind],
    }
    path = write(b"", "photos.parquet")
    pyarrow.parquet.write_table(pa.table(columns), path)
    assert open_dataset(path).labels.tolist() == [0, 1, 0]
    with pytest.raises(DataError, match="column `more` of .* holds .*, not "):
        open_dataset(path, label_column="more")


def repeated(count: int, length: int) -> pa.Array:
    """A column that holds one long text many times, in little memory."""
    texts = pa.array(["x" * length])
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), texts)


@pytest.mark.parametrize("kind", ["categories", "text", "bytes", "images", "numbers"])
def test_a_small_parquet_file_of_much_memory_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(unpacking, "BOMB_BYTES", 1 << 22)
    cells: pa.Array = repeated(100, 1 << 17)  # 13 MB
    if kind != "categories":
        cells = cells.dictionary_decode()
    if kind in ("bytes", "images"):
        cells = cells.cast(pa.binary())
    if kind == "images":
        cells = pa.StructArray.from_arrays([cells], ["bytes"])
    if kind == "numbers":
        cells = pa.array(np.zeros(1_000_000))
    columns = {"path": repeated(len(cells), 5), "label": repeated(len(cells), 1), "more": cells}
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path, compression="zstd")
    assert path.stat().st_size < 1 << 14
    with pytest.raises(DataError, match=r"bytes and unpacks to [\d,]+ or more\nhint: no file of"):
        open_dataset(path)


def test_a_parquet_table_in_many_parts_is_one_table(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_files, "ROWS_AT_ONCE", 2)
    path = write("", "x.parquet")
    labels = pa.array(["cat", "dog", "cat", "dog", "cat"]).dictionary_encode()
    table = pa.table({"path": [f"images/{n}.png" for n in range(5)], "label": labels})
    pyarrow.parquet.write_table(table, path, row_group_size=3)
    dataset = open_dataset(path)
    assert dataset.labels.tolist() == [0, 1, 0, 1, 0]
    assert [dataset.images.name(n) for n in range(5)] == [f"images/{n}.png" for n in range(5)]


def test_a_table_of_several_labels_an_image_is_an_error(write: Write, tmp_path: Path) -> None:
    table = pa.table({"path": ["images/0.png"], "label": [["a", "b"]]})
    pyarrow.parquet.write_table(table, tmp_path / "set" / "x.parquet")
    with pytest.raises(DataError, match="holds list<.*>, not text or numbers"):
        open_dataset(tmp_path / "set" / "x.parquet")


def test_images_can_lie_in_a_parquet_table_with_the_names_of_their_classes(
    write: Write, tmp_path: Path
) -> None:
    contents = [(tmp_path / "set" / "images" / f"{n}.png").read_bytes() for n in range(3)]
    images = [{"bytes": c, "path": p} for c, p in zip(contents, ["a.png", None, None], strict=True)]
    images[2]["bytes"] = None
    table = pa.table({"image": images, "label": [1, 0, 1]})
    features = {"label": {"names": ["zebra", "ant"], "_type": "ClassLabel"}}
    table = table.replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    dataset = open_dataset(tmp_path / "x.parquet")
    assert dataset.classes == ("ant", "zebra")
    assert dataset.labels.tolist() == [0, 1, 0]
    assert [dataset.images.name(index) for index in range(3)] == ["a.png", "row 2", "row 3"]
    assert dataset.images.stamp(0) == ""
    assert decode_content(dataset.images.content(1)).pixels[0, 0].tolist() == [40, 0, 0]
    with pytest.raises(DataError, match="has no bytes in the table"):
        dataset.images.content(2)


def test_a_column_of_other_values_holds_no_images(tmp_path: Path) -> None:
    table = pa.table({"image": [[1, 2]], "label": [1]})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match="holds list<.*>, not paths or images"):
        open_dataset(tmp_path / "x.parquet")


def test_a_folder_of_a_table_and_images_is_opened(write: Write, tmp_path: Path) -> None:
    write(PLAIN, "train.csv")
    dataset = open_dataset(tmp_path / "set")
    assert dataset.name == "set"
    assert dataset.labels.tolist() == [0, 1, 0]


def test_two_tables_of_labels_in_a_folder_are_an_error(write: Write, tmp_path: Path) -> None:
    write(PLAIN, "a.csv")
    write(PLAIN, "b.csv")
    write("x,y\n1,2\n", "other.csv")
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path / "set")
    assert caught.value.message == (
        f"`{tmp_path / 'set'}` has 2 tables of labels\n"
        f"  `{tmp_path / 'set' / 'a.csv'}`\n  `{tmp_path / 'set' / 'b.csv'}`"
    )


def test_class_folders_beside_a_table_of_other_classes_are_an_error(
    make_folder: MakeFolder,
) -> None:
    root = make_folder({"a": 1, "b": 1})
    (root / "x.csv").write_text("path,label\na/000.png,1\nb/000.png,2\n")
    with pytest.raises(DataError, match="has class folders and a table of labels, `x.csv`"):
        open_dataset(root)
    (root / "x.csv").write_text("path,label\na/000.png,a\nb/000.png,b\n")
    assert open_dataset(root).classes == ("a", "b")
    (root / "x.csv").write_text("path,what\na/000.png,1\nb/000.png,2\n")
    assert open_dataset(root).classes == ("a", "b")
    assert open_dataset(root, label_column="what").classes == ("1", "2")


def test_a_column_is_a_sequence_of_texts() -> None:
    column = TableColumn(pa.array(["a", "b", "c"], pa.large_string()))
    assert (len(column), column[1], list(column)) == (3, "b", [*"abc"])
    assert column[np.int64(2)] == "c"  # type: ignore[call-overload]
    assert list(column[1:]) == ["b", "c"]
    assert column == ["a", "b", "c"]


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters='\0\r\n",;\t|', exclude_categories=("C", "Z")),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20))
def test_any_cells_come_back_as_they_were_written(rows: list[tuple[str, str]]) -> None:
    text = "path,label\n" + "".join(f"{path},{label}\n" for path, label in rows)
    table = read_table(text.encode(), where="x.csv")
    assert list(TableColumn(table.columns["path"])) == [path for path, _ in rows]
    assert list(TableColumn(table.columns["label"])) == [label for _, label in rows]
    assert table.rows.tolist() == list(range(2, len(rows) + 2))


@pytest.mark.slow
@given(st.lists(CELLS, min_size=1, max_size=30), st.randoms())
def test_labels_point_at_their_own_names(names: list[str], random: object) -> None:
    codes = np.arange(len(names))
    classes, labels = to_classes(names, codes)
    assert [classes[label] for label in labels] == names
    assert classes == ordered(names)
    assert len(set(classes)) == len(classes)
