"""What can go wrong in a way the user can mend. Every message names the thing and the mend in one line."""


class ExptuiError(Exception):
    """Base of all errors that are the input's fault; the command line prints it and exits with 2."""


class RunsDirectoryError(ExptuiError):
    """The runs directory is missing, unreadable or no directory."""


class UnknownRunError(ExptuiError):
    """No run, or more than one, answers to the given id, prefix or name."""


class DataFileError(ExptuiError):
    """A data file cannot be read as a table; the message names file, row and column where known."""


class PolicyError(ExptuiError):
    """The policy file has an unknown key or an impossible value."""
