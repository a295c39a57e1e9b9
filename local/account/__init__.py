"""An emulated AWS account: deploys a cloud assembly on moto and runs what it describes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.account.account import Account as Account
    from local.account.home import AccountInfo as AccountInfo

__all__ = ["Account", "AccountInfo"]


def __getattr__(name: str) -> object:
    """Load the emulator when it is first asked for: it takes seconds, and `home` needs none."""
    if name == "Account":
        from local.account.account import Account

        return Account
    if name == "AccountInfo":
        from local.account.home import AccountInfo

        return AccountInfo
    raise AttributeError(name)
