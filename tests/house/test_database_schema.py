"""This will show that the description of the database is complete and up to date."""

from __future__ import annotations

import re

import pytest
from django.db import connection

from debugtools.schema.document import columns_without_meaning, database_document
from tests.house.tree import document


def test_the_description_of_the_database_is_what_the_models_say() -> None:
    assert document("docs/database-schema.md") == database_document(), (
        "run: manage.py describe_database > docs/database-schema.md"
    )


def test_every_column_says_what_it_means_and_none_is_described_that_is_gone() -> None:
    assert columns_without_meaning() == []


# `make quick` makes the tables from the models, which puts their columns in another order.
@pytest.mark.slow
@pytest.mark.django_db
def test_every_table_of_the_database_is_described_with_every_column() -> None:
    text = database_document()
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        columns = {
            table: {column.name for column in connection.introspection.get_table_description(cursor, table)}
            for table in tables
        }

    framework = set(re.findall(r"^\| `(\w+)` \| [^|]*\|$", text, re.MULTILINE))
    described = {
        section.partition("`")[0]: set(re.findall(r"^\| `(\w+)` \| .* \| (?:yes)? ?\| ", section, re.MULTILINE))
        for section in text.split("\n## `")[1:]
    }

    assert framework | set(described) == tables
    assert {table: columns[table] for table in described} == described
