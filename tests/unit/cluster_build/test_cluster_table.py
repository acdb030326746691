# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from tollgate_cluster import build
from tollgate_cluster.components import COMPONENTS, IMAGES
from tollgate_cluster.failure import ClusterError
from tollgate_cluster.go import GoPrograms, GoSources
from tollgate_cluster.image import Image
from tollgate_cluster.image_table import README, with_table
from tollgate_cluster.places import SOURCES
from tollgate_cluster.registry import repository

ALL = {**COMPONENTS, **IMAGES}


@pytest.mark.parametrize("name", ALL)
def test_everything_in_the_table_can_be_made(name: str) -> None:
    recipe = ALL[name].recipe
    assert [need for need in recipe.needs if need not in COMPONENTS] == []
    assert [source for source in recipe.sources if not (SOURCES / source).exists()] == []
    assert len(build.key(name)) == 64


def test_no_two_things_have_one_name() -> None:
    images = [image for row in COMPONENTS.values() for image in row.images]
    assert len(images) == len(IMAGES)
    assert not set(COMPONENTS) & set(IMAGES)
    references = [reference for image in images for reference in image.references]
    assert len(references) == len(set(references))


@pytest.mark.parametrize(
    "name", [name for name, row in COMPONENTS.items() if isinstance(row.recipe, (GoPrograms, GoSources))]
)
def test_every_go_module_is_locked(name: str) -> None:
    recipe = COMPONENTS[name].recipe
    assert isinstance(recipe, (GoPrograms, GoSources))
    module = SOURCES / "go" / recipe.module
    needs_sums = "require" in (module / "go.mod").read_text()
    assert (module / "go.sum").exists() == needs_sums


@pytest.mark.parametrize("name", IMAGES)
def test_every_image_says_what_it_is(name: str) -> None:
    image = IMAGES[name].recipe
    assert isinstance(image, Image)
    assert image.real or image.differs
    assert image.entrypoint or image.command


def test_an_unknown_component_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ClusterError, match=r'no component "postgres"(.|\n)*postgresql'):
        build.image_names("postgres")
    with pytest.raises(ClusterError, match="has no image"):
        build.image_names("kubernetes")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("docker.io/library/debian:trixie", ("library/debian", "trixie")),
        ("registry.k8s.io/pause:3.10", ("pause", "3.10")),
        ("ghcr.io/cloudnative-pg/postgresql:17-system-trixie", ("cloudnative-pg/postgresql", "17-system-trixie")),
    ],
)
def test_a_mirror_is_asked_without_the_registry(reference: str, expected: tuple[str, str]) -> None:
    assert repository(reference) == expected


def test_words_for_people_do_not_rebuild_an_image() -> None:
    image = Image(("example.org/a:1",), real="one")
    other = Image(("example.org/a:1",), real="another")
    assert build._fields(image) == build._fields(other)


def test_the_readme_has_the_table_of_images() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run python -m tollgate_cluster.image_table"
