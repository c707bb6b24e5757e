"""The errors that a user can mend."""


class UserError(Exception):
    """Something the user can mend. The message says what is wrong and what to do; it is shown without a traceback."""


class OccupiedFolderError(UserError):
    """A folder belongs to another run, of which nothing may be changed."""


class DecodeError(UserError):
    """A clip cannot be decoded. The message names its path."""

    def __init__(self, message: str) -> None:
        # A DataLoader passes the error of its worker on as the text of a traceback, which ends with the message.
        super().__init__(message.rpartition(f"{__name__}.DecodeError: ")[2].strip())
