# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database's URL: what is refused, and that no message holds its password."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.database import Database, url_problem
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError

PASSWORD = "hunter2hunter2"
WRONG = {
    f"mysql://a:{PASSWORD}@127.0.0.1/x": "must begin with postgresql://",
    f"postgres//a:{PASSWORD}@127.0.0.1/x": "must begin with postgresql://",
    f"postgresql://a:{PASSWORD} x@127.0.0.1/x": "blank",
    f"postgresql://a:{PASSWORD}%zz@127.0.0.1/x": "%25",
    f"postgresql://a:{PASSWORD}#@127.0.0.1/x": "%",
    f"postgresql://a:{PASSWORD}@/x": "names no host",
    f"postgresql://a:{PASSWORD}@127.0.0.1": "names no database",
    f"postgresql://a:{PASSWORD}@127.0.0.1:70000/x": "%-codes",
}


@pytest.mark.parametrize("url", WRONG)
def test_a_url_that_can_not_work_is_refused_without_its_password(url: str) -> None:
    assert WRONG[url] in url_problem(url)
    assert PASSWORD not in url_problem(url)


@pytest.mark.parametrize("query", ["", "?schema=llm", "?sslmode=require&connection_limit=5"])
def test_a_good_url_passes(query: str) -> None:
    assert url_problem(f"postgresql://gate:p%40ss%20w%25rd@db.internal:5432/litellm{query}") == ""


@pytest.mark.parametrize("url", [*WRONG, f"postgresql://a:{PASSWORD}@127.0.0.1:1/x"])
def test_no_failed_connection_shows_the_password(tmp_path: Path, url: str) -> None:
    path = tmp_path / "database-url"
    path.write_text(url)
    database = Database(str(path), "", 0, "", "", None)
    with pytest.raises(GatewayError) as failed:
        database.connect(timeout=1)
    assert PASSWORD not in str(failed.value)
