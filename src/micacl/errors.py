"""The errors that a user can fix."""


class UserError(Exception):
    """An error that the user can fix. The message says what is wrong and what to do; no traceback is shown."""


class OccupiedFolderError(UserError):
    """Raised when a folder belongs to another run, whose files must not be changed."""


class DecodeError(UserError):
    """Raised when a clip cannot be decoded. The message names its path."""

    def __init__(self, message: str) -> None:
        # A DataLoader raises its worker's error anew with the text of a traceback, which ends with the message.
        super().__init__(message.rpartition(f"{__name__}.DecodeError: ")[2].strip())
