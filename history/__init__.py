"""What any row looked like at any moment.

Database triggers keep an event row for each insert, update and delete; services say why with ``because``.
"""

from history.services import because, create, delete, replaying, save

__all__ = ["because", "create", "delete", "replaying", "save"]
