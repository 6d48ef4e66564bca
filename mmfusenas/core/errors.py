"""The errors whose text is all that a person needs: what was got, where, and what to do.

Each is also the built-in error that Python code would catch. The tools print the text alone and exit with status 1;
every other error is unexpected and keeps its traceback.
"""
from pickle import UnpicklingError


class UserError(Exception):
    """Base of all errors that are meant for people.

    Example:
        >>> try:
        ...     raise InputError('alpha is -1; it has to be positive.')
        ... except UserError as error:
        ...     print(error, isinstance(error, ValueError))
        alpha is -1; it has to be positive. True
    """


class InputError(UserError, ValueError):
    """A value, config or file that cannot be used as it is."""


class InputTypeError(UserError, TypeError):
    """An argument, config key or model of a type that cannot be used."""


class MissingKeyError(UserError, KeyError):
    """An input that a model, loss or metric needs and did not get."""

    __str__ = Exception.__str__  # a KeyError shows its text in quotation marks


class FileError(UserError, FileNotFoundError):
    """A file that does not exist."""


class StateError(UserError, RuntimeError):
    """A step that cannot be taken now, or whose result is wrong."""


class NotFiniteError(UserError, FloatingPointError):
    """A loss, gradient or weight that is infinite or not a number."""


class OutOfMemoryError(UserError, MemoryError):
    """A batch that does not fit into memory."""


class MissingPackageError(UserError, ImportError):
    """A part whose package is not installed or does not import."""


class CodeInFileError(UserError, UnpicklingError):
    """A checkpoint that carries code and was not loaded."""


class FileNotWrittenError(UserError, OSError):
    """A file that could not be written or fetched."""
