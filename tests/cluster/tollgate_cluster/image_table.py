# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's table of images, made from the table of components. Run it to bring the README up to date."""

from __future__ import annotations

import re
from pathlib import Path

from .components import COMPONENTS
from .places import SOURCES

README = SOURCES / "README.md"
BEGIN, END = "<!-- images: begin -->", "<!-- images: end -->"


def image_table() -> str:
    """Markdown: one row for each image."""
    lines = ["| `IMAGES=` | image | real in it | what differs from the official one |", "| --- | --- | --- | --- |"]
    for row in COMPONENTS.values():
        for image in row.images:
            references = ", ".join(f"`{reference}`" for reference in _readable(image.references))
            lines.append(f"| `{row.name}` | {references} | {image.real} | {image.differs} |")
    return "\n".join(lines)


def with_table(text: str) -> str:
    """The README's text with the table of now."""
    section = f"{BEGIN}\n\n{image_table()}\n\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: section, text, flags=re.DOTALL)


def _readable(references: tuple[str, ...]) -> list[str]:
    """A package's version, known after the build alone, as the word for it."""
    return [re.sub(r"\{[^}]*\}", "<version>", reference) for reference in references]


def _update(readme: Path) -> None:
    readme.write_text(with_table(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    _update(README)
