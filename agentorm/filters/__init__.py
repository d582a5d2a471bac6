"""Filters as data: a small JSON form of conditions, checked against a model before any SQL."""

from agentorm.filters.parsing import MISSING, compared, parse_filter
from agentorm.filters.schema import filter_schema

__all__ = ["MISSING", "compared", "filter_schema", "parse_filter"]
