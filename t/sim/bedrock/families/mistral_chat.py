"""Mistral, chat (Large 2407 and later, Pixtral, Ministral ...)."""

from . import openai

IDS = r'mistral\.'
KEYS = ()
HEADERS = 'both'
CACHE = 'never'
CHAT = True


def answer(c):
    return openai.answer(c, 'stop_reason')


def chunks(c):
    return openai.chunks(c, 'stop_reason')
