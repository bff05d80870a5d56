"""The errors that gbanalysis raises: one parent, so that a caller can catch all that the package itself says."""


class GBAnalysisError(Exception):
    """Any fault that gbanalysis names itself; its message is one sentence a user can act on."""


class ContractError(GBAnalysisError):
    """The data break the data contract: a table, column or value is missing or wrong."""


class NotEnoughDataError(GBAnalysisError):
    """Too few rows, days or groups for the figure that was asked for."""


class NotIdentifiedError(GBAnalysisError):
    """The figure that was asked for cannot be told from these data, however many rows there are."""


class InfeasibleError(GBAnalysisError):
    """No plan meets all the constraints; the message says which ones collide."""
