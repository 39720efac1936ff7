"""AI21 Jamba."""

from .openai import answer, chunks          # noqa: F401

IDS = r'ai21\.jamba'
KEYS = ()
HEADERS = 'both'
CACHE = 'never'
CHAT = True
