"""This will let templates show words of the journal with their colours."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.console.colours import COLOURS, in_words

register = template.Library()


@register.filter
def tag(word: str | None) -> SafeString | str:
    """Give a word in its colour."""
    if not word:
        return ""
    return format_html('<span class="fo-tag fo-tag-{}">{}</span>', COLOURS.get(word, "default"), in_words(word))


@register.filter
def words(word: str | None) -> str:
    """Give a word of the code as people read it."""
    return in_words(word)
