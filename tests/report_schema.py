# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports against docs/report-schema.json, which is itself checked once and not with every report."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import jsonschema

SCHEMA = json.loads((Path(__file__).resolve().parents[1] / "docs" / "report-schema.json").read_text(encoding="utf-8"))
_class = jsonschema.validators.validator_for(SCHEMA)
_class.check_schema(SCHEMA)
_validator = _class(SCHEMA)


def validate(report: t.Any) -> None:
    """Raise jsonschema.ValidationError unless the report follows the schema."""
    _validator.validate(report)
