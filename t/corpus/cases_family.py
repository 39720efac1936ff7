"""The other model families inside InvokeModel."""


def cases():
    return []
