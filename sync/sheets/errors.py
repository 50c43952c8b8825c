"""Say that a file, or a choice of its columns, can't be used: a code, and a sentence for a person.

A sentence names lines and columns by their numbers, and fields by our names. It repeats nothing
that the file says: whoever logs it logs nothing personal.
"""


class UnusableError(ValueError):
    """The file as a whole can't be used. `code` for machines, the text for whoever brought it."""

    def __init__(self, code: str, sentence: str) -> None:
        """Say what to do."""
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class ChoiceError(ValueError):
    """The chosen columns or format of dates don't fit. Choosing otherwise helps."""

    def __init__(self, code: str, sentence: str) -> None:
        """Say what to choose."""
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
