"""SVG elements for an HTML page, made from the SVG files that matplotlib writes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from xml.dom.minidom import Element, parseString

DECIMALS = 2  # of points; a phone's screen has three pixels to a point

_LONG_NUMBER = re.compile(rf"-?\d+\.\d{{{DECIMALS + 1},}}")
_REFERENCE = re.compile(r"(?<=url\(#)[\w.-]+|(?<=^#)[\w.-]+")
_FONTS = re.compile(r"font-family: ([^;]+); ?")
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_REFERRING = ("clip-path", "xlink:href", "style")
_PLACES = ("d", "x", "y")


def inlined(file: bytes, *, label: str, colours: Mapping[str, str]) -> str:
    """The `<svg>` of a file: without a fixed size, with unique ids and rounded numbers.

    Args:
        file: An SVG file as matplotlib writes it, with text as text.
        label: Alternative text for a screen reader.
        colours: Names of the colours that a page may give other values, as on a dark screen, by
            their hexadecimal numbers; where it doesn't, they stay.
    """
    root = parseString(file).documentElement
    if root is None:  # no XML without it, but minidom's types say so
        raise ValueError("an SVG file has no element")
    # In a page a style sheet would apply to everything.
    fonts = _FONTS.search(file.decode())
    _drop(root, ("title", "metadata", "style"))
    prefix = "f" + hashlib.sha256(file).hexdigest()[:8] + "-"
    used = {
        reference
        for element in _elements(root)
        for name in _REFERRING
        for reference in _REFERENCE.findall(element.getAttribute(name))
    }
    for element in _elements(root):
        _tidy(element, used, prefix)
        _name_colours(element, colours)
    for name in ("width", "height", "version"):
        root.removeAttribute(name)
    root.setAttribute("role", "img")
    root.setAttribute("aria-label", label)
    style = "stroke-linejoin: round; stroke-linecap: butt"
    root.setAttribute("style", f"{style}; font-family: {fonts[1]}" if fonts else style)
    return root.toxml()


def _elements(root: Element) -> list[Element]:
    return [root, *root.getElementsByTagName("*")]


def _drop(root: Element, names: tuple[str, ...]) -> None:
    """Removes elements of these names, and the space between elements."""
    for element in _elements(root):
        for node in list(element.childNodes):
            is_space = element.tagName != "text" and not isinstance(node, Element)
            if is_space or node.nodeName in names:
                element.removeChild(node)


def _tidy(element: Element, used: set[str], prefix: str) -> None:
    """Makes ids unique, rounds numbers, and removes what changes nothing."""
    if element.getAttribute("id") in used:
        element.setAttribute("id", prefix + element.getAttribute("id"))
    elif element.hasAttribute("id"):
        element.removeAttribute("id")
    for name in _REFERRING:
        if element.hasAttribute(name):
            value = _REFERENCE.sub(lambda found: prefix + found[0], element.getAttribute(name))
            element.setAttribute(name, value)
    for name in _PLACES:
        if element.hasAttribute(name):
            rounded = _LONG_NUMBER.sub(_rounded, element.getAttribute(name))
            element.setAttribute(name, " ".join(rounded.split()))
    if element.getAttribute("transform").startswith("rotate(-0 "):
        element.removeAttribute("transform")
    if element.tagName == "text":
        element.setAttribute("style", _FONTS.sub("", element.getAttribute("style")))


def _name_colours(element: Element, colours: Mapping[str, str]) -> None:
    """Writes `var(--figure-ink, #1a1d21)` for the colour that is called `ink`."""

    def named(found: re.Match[str]) -> str:
        name = colours.get(found[0])
        return f"var(--figure-{name}, {found[0]})" if name else found[0]

    if element.hasAttribute("style"):
        element.setAttribute("style", _COLOUR.sub(named, element.getAttribute("style")))


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.{DECIMALS}f}".rstrip("0").rstrip(".")
