"""This will write docs/database-schema.md from the models: every table with its columns, constraints and relations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.db import models
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.models import CheckConstraint, ForeignKey, Q, UniqueConstraint

from debugtools.schema.meanings import EVERYWHERE, FRAMEWORK_TABLES, MEANINGS

# From what the API is about to what keeps it running.
_APPS = ("inventory", "networks", "notifications", "validation", "jobs", "access", "audit", "generation", "tallies")

_HEAD = """# Database schema

Written by `manage.py describe_database` from the models; a test says when it is out of date. Types are PostgreSQL's;
SQLite, the embedded default, has the nearest it knows. The database holds the truth: nothing but these tables decides
what a job does next ([ARCHITECTURE](../ARCHITECTURE.md)). Every foreign key is enforced: of "→ `table`, goes with it"
the row is deleted with the one it names, of "keeps it" the one it names can't be deleted while the row is there.
"""
_TABLE_HEAD = "| column | type | null | meaning |\n|---|---|---|---|"


def database_document() -> str:
    """Give the document."""
    parts = [_HEAD]
    for label in _APPS:
        for model in apps.get_app_config(label).get_models(include_auto_created=True):
            parts.append(_table(model))
    parts.append(_framework_tables())
    return "\n".join(parts)


def columns_without_meaning() -> list[str]:
    """Give the columns of our tables that nothing describes, and the descriptions of columns that are gone."""
    known = {
        model._meta.db_table: {str(field.column) for field in model._meta.concrete_fields} for model in _own_models()
    }
    silent = [
        f"{model._meta.db_table}.{field.column}"
        for model in _own_models()
        for field in model._meta.concrete_fields
        if not _meaning(field)
    ]
    gone = [
        f"{table}.{column}" for table in MEANINGS for column in MEANINGS[table] if column not in known.get(table, ())
    ]
    return silent + gone


def _own_models() -> Iterator[type[models.Model]]:
    for label in _APPS:
        yield from apps.get_app_config(label).get_models(include_auto_created=True)


def _table(model: type[models.Model]) -> str:
    purpose = " ".join((model.__doc__ or "").split("\n\n")[0].split()).removeprefix("This will ")
    rows = [_TABLE_HEAD, *(_column(field) for field in model._meta.concrete_fields)]
    lines = [f"## `{model._meta.db_table}`", "", f"{purpose[:1].upper()}{purpose[1:]}", "", *rows, ""]
    for title, sentences in (("Constraints", _constraints(model)), ("Indexes", _indexes(model))):
        if sentences:
            lines += [f"{title}:", "", *(f"- {sentence}" for sentence in sentences), ""]
    return "\n".join(lines)


def _column(field: models.Field[Any, Any]) -> str:
    null = "yes" if field.null else ""
    return f"| `{field.column}` | {_type(field)} | {null} | {_meaning(field)} |"


def _type(field: models.Field[Any, Any]) -> str:
    if isinstance(field, ForeignKey):
        return _type(field.target_field)
    kind = field.get_internal_type()
    if kind == "CharField":
        return f"varchar({field.max_length})"
    found = DatabaseWrapper.data_types[kind]
    return str(found) % {"max_length": field.max_length}


def _meaning(field: models.Field[Any, Any]) -> str:
    own = MEANINGS.get(field.model._meta.db_table, {}).get(str(field.column), "") or str(field.help_text)
    parts = [own.rstrip(".").replace("|", "\\|")]
    if isinstance(field, ForeignKey):
        parts.append(_relation(field))
    if field.choices:
        parts.append("one of " + ", ".join(f"`{value}`" for value, _ in field.flatchoices))
    return "; ".join(filter(None, parts)) or EVERYWHERE.get(str(field.column), "")


def _relation(field: ForeignKey[Any, Any]) -> str:
    target = field.related_model._meta.db_table
    ends: dict[Any, str] = {models.CASCADE: "goes with it", models.PROTECT: "keeps it"}
    end = ends.get(field.remote_field.on_delete, "")
    one = "one row per " if field.unique else "→ "
    return f"{one}`{target}`, {end}".rstrip(", ")


def _constraints(model: type[models.Model]) -> list[str]:
    single = [
        f"`{field.column}` is unique" for field in model._meta.concrete_fields if field.unique and not field.primary_key
    ]
    return [*single, *(_constraint(constraint) for constraint in model._meta.constraints)]


def _constraint(constraint: models.BaseConstraint) -> str:
    match constraint:
        case UniqueConstraint():
            where = f" where {_in_words(constraint.condition)}" if constraint.condition is not None else ""
            return f"`{constraint.name}`: {_named(constraint.fields)} unique together{where}"
        case CheckConstraint():
            return f"`{constraint.name}`: {_in_words(constraint.condition)}"
    return f"`{constraint.name}`"


def _indexes(model: type[models.Model]) -> list[str]:
    single = [
        f"`{field.column}`"
        for field in model._meta.concrete_fields
        if getattr(field, "db_index", False) and not field.unique and not isinstance(field, ForeignKey)
    ]
    return [*single, *(_index(index) for index in model._meta.indexes)]


def _index(index: models.Index) -> str:
    where = f" where {_in_words(index.condition)}" if index.condition is not None else ""
    return f"`{index.name}`: {_named(index.fields)}{where}"


def _named(fields: Sequence[str]) -> str:
    return ", ".join(f"`{field}`" for field in fields)


_COMPARED = {"exact": "=", "gte": "≥", "lte": "≤", "gt": ">", "lt": "<"}


def _in_words(condition: Any, *, inside: bool = False) -> str:
    """Write a condition as people read it."""
    if isinstance(condition, tuple):
        return _comparison(*condition)
    if not isinstance(condition, Q):
        return str(condition)
    words = f" {condition.connector.lower()} ".join(_in_words(child, inside=True) for child in condition.children)
    if condition.negated:
        return f"not ({words})"
    return f"({words})" if inside and len(condition.children) > 1 else words


def _comparison(name: str, value: Any) -> str:
    column, _, lookup = name.partition("__")
    if lookup == "isnull":
        return f"`{column}` is {'' if value else 'not '}null"
    if value is None:
        return f"`{column}` is null"
    if lookup == "in":
        return f"`{column}` in ({', '.join(_value(item) for item in value)})"
    return f"`{column}` {_COMPARED[lookup or 'exact']} {_value(value)}"


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
    return f"'{value}'"


def _framework_tables() -> str:
    rows = [f"| `{table}` | {purpose} |" for table, purpose in FRAMEWORK_TABLES.items()]
    lines = ["## Tables of the framework", "", "| table | purpose |", "|---|---|", *rows, ""]
    return "\n".join(lines)
