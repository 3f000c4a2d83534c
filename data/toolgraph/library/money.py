"""Accounts, transfers and currencies."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from data.toolgraph.api import Api, RefusedCallError, World
from data.toolgraph.library import kinds as k
from data.toolgraph.library.making import make

Result = Mapping[str, Any]


def find_account(world: World, owner: str) -> Result:
    """Find the account of a person."""
    account = world.code("AC", owner)
    world.know("account", account, balance=world.number(2000, 9000, "has", owner))
    return {"account_id": account}


def get_balance(world: World, account_id: str) -> Result:
    """Say what is on an account, in whole euros."""
    return {"balance": world.row("account", account_id)["balance"]}


def transfer(world: World, account_id: str, recipient: str, amount: int) -> Result:
    """Send money from an account to a person, in whole euros."""
    row = world.row("account", account_id)
    if amount > row["balance"]:
        raise RefusedCallError(f"account {account_id} has {row['balance']}")
    row["balance"] -= amount
    made = world.add("transfer", "TR", account=account_id, amount=amount, to=recipient)
    return {"transfer_id": made, "balance": row["balance"]}


def reverse_transfer(world: World, transfer_id: str) -> Result:
    """Take a transfer back."""
    row = world.row("transfer", transfer_id)
    if row.get("reversed"):
        raise RefusedCallError(f"transfer {transfer_id} is reversed already")
    row["reversed"] = True
    account = world.row("account", row["account"])
    account["balance"] += row["amount"]
    return {"account_id": row["account"], "balance": account["balance"]}


def convert(world: World, amount: int, source: str, target: str) -> Result:
    """Convert an amount of one currency into another, rounded to whole units."""
    if source == target:
        raise RefusedCallError("the currencies are the same")
    rate = world.number(50, 200, "rate", source, target)
    return {"converted": amount * rate // 100}


_make = partial(make, "money")
TOOLS: Final[tuple[Api, ...]] = (
    _make(
        find_account,
        "find the account of {owner}",
        "查找{owner}的账户",
        {"owner": k.PERSON},
        {"account_id": k.ACCOUNT},
    ),
    _make(
        get_balance,
        "check the balance of the account with {account_id}",
        "查询{account_id}对应账户的余额",
        {"account_id": k.ACCOUNT},
        {"balance": k.AMOUNT},
    ),
    _make(
        transfer,
        "send money to {recipient} from the account with {account_id}, amount: {amount}",
        "从{account_id}对应的账户向{recipient}转账，金额为{amount}",
        {"account_id": k.ACCOUNT, "recipient": k.PERSON, "amount": k.AMOUNT},
        {"transfer_id": k.TRANSFER, "balance": k.AMOUNT},
    ),
    _make(
        reverse_transfer,
        "reverse the transfer with {transfer_id}",
        "撤销{transfer_id}对应的转账",
        {"transfer_id": k.TRANSFER},
        {"account_id": k.ACCOUNT, "balance": k.AMOUNT},
    ),
    _make(
        convert,
        "convert {amount} from {source} to {target}",
        "把{amount}从{source}兑换成{target}",
        {"amount": k.AMOUNT, "source": k.CURRENCY, "target": k.CURRENCY},
        {"converted": k.AMOUNT},
    ),
)
