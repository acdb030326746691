# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of object, in the order of dependence."""

from __future__ import annotations

from .resource import Resource
from .resources.budget import Budget
from .resources.credential import Credential
from .resources.customer import Customer
from .resources.key import Key
from .resources.model import Model
from .resources.team import Team
from .resources.user import User

# A model names a credential. A member of a team is a user, whom LiteLLM would make without any of its fields. A key
# names a team, a user and a budget, a customer names a budget.
RESOURCES: tuple[Resource, ...] = (Budget(), Credential(), Model(), User(), Team(), Key(), Customer())
