"""Tables as text: on the terminal, where no number is cut off, and in files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from convscope.languages import translated
from convscope.text import joined

MIN_TEXT, COLUMN_GAP = 18, 3  # letters of a text that may wrap, and what divides columns
PREFIXES = ((10**12, "T"), (10**9, "G"), (10**6, "M"))
MIN_WIDTH_PIPED = 200  # a pipe has no width; nothing is cut off there


def table_text(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: int = 1,
    first_to_go: Sequence[str] = (),
    fits: bool = True,
) -> str:
    """The text of a table, as wide as the terminal, or as wide as needed for a pipe or a file.

    No number is ever cut off. On a narrow terminal long ones are written as 15.47 G, then columns
    are left out, and it is said which.

    Args:
        header: Titles of the columns.
        rows: The cells.
        left: Number of first columns that are text, which may wrap.
        first_to_go: Titles of the columns that are left out before others, in this order; after
            them it is the last ones. The first column always stays.
        fits: Whether it has to fit the terminal, where there is one; a file's has not.
    """
    # Without colours there is nothing in it that a terminal obeys but what came with the names.
    console = Console(highlight=False, emoji=False, color_system=None)
    header, first_to_go = (list(map(translated, names)) for names in (header, first_to_go))
    columns = [list(column) for column in zip(header, *rows, strict=True)]
    gone: list[str] = []
    if not fits or not console.is_terminal:
        console.width = max(console.width, MIN_WIDTH_PIPED)
    else:
        columns, gone = _fitted(columns, console.width, left=left, first_to_go=first_to_go)
    titles = [column[0] for column in columns]
    left = sum(title in header[:left] for title in titles)
    console.width = max(console.width, _needed(columns, left))
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, title in enumerate(titles):
        is_text = index < left
        # Text may wrap; a number that is cut in two is another number.
        table.add_column(
            title, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text
        )
    for row in zip(*(column[1:] for column in columns), strict=True):
        table.add_row(*row)
    with console.capture() as drawn:
        console.print(table, markup=False)
    if gone:
        left_out = translated(f"left out, as the terminal is too narrow: {joined(gone)}")
        return f"{drawn.get()}{left_out}\n"
    return drawn.get()


def _needed(columns: Sequence[Sequence[str]], left: int) -> int:
    """Number of letters that a line takes at least."""
    widths = [max(map(cell_len, column)) for column in columns]
    texts = sum(min(width, MIN_TEXT) for width in widths[:left])
    return texts + sum(widths[left:]) + len(columns) * COLUMN_GAP


def _fitted(
    columns: Sequence[list[str]], width: int, *, left: int, first_to_go: Sequence[str]
) -> tuple[list[list[str]], list[str]]:
    """The columns that fit, long numbers shortened where they must be; titles of the others."""
    kept = [list(column) for column in columns]
    if _needed(kept, left) > width:
        kept = [*kept[:left], *([_short(cell) for cell in column] for column in kept[left:])]
    titles = [column[0] for column in kept]
    order = [*first_to_go, *(title for title in reversed(titles[1:]) if title not in first_to_go)]
    gone: list[str] = []
    for title in order:
        if _needed(kept, left) <= width or len(kept) == 1:
            break
        index = [column[0] for column in kept].index(title)
        left -= index < left
        del kept[index]
        gone.append(title)
    return kept, sorted(gone, key=titles.index)


def _short(cell: str) -> str:
    """A whole number of seven digits or more with a prefix: 15.47 G for 15,470,264,320."""
    digits = cell.replace(",", "")
    if not digits.isascii() or not digits.isdigit() or int(digits) < 1_000_000:
        return cell
    number = int(digits)
    power, prefix = next(pair for pair in PREFIXES if number >= pair[0])
    return f"{number / power:#.4g} {prefix}"
