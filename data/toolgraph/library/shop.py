"""A shop: products, a cart, orders and parcels."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from data.toolgraph.api import Api, RefusedCallError, World
from data.toolgraph.library import kinds as k
from data.toolgraph.library.making import make

Result = Mapping[str, Any]


def search_product(world: World, name: str) -> Result:
    """Find a product in the shop by its name."""
    product = world.code("PR", name)
    row = world.know("product", product, price=world.number(5, 250, "price", name))
    return {"product_id": product, "price": row["price"]}


def check_stock(world: World, product_id: str) -> Result:
    """Say how many pieces of a product are in stock."""
    world.row("product", product_id)
    return {"in_stock": world.number(0, 40, "stock", product_id)}


def add_to_cart(world: World, product_id: str, quantity: int) -> Result:
    """Put pieces of a product into a new cart."""
    total = world.row("product", product_id)["price"] * quantity
    cart = world.add("cart", "CT", product=product_id, total=total)
    return {"cart_id": cart, "price": total}


def checkout(world: World, cart_id: str, city: str) -> Result:
    """Order what a cart holds, to be delivered to a city."""
    row = world.row("cart", cart_id)
    if row.get("ordered"):
        raise RefusedCallError(f"cart {cart_id} is empty")
    row["ordered"] = True
    order = world.add("order", "OR", total=row["total"], city=city, status="paid")
    return {"order_id": order, "price": row["total"]}


def ship_order(world: World, order_id: str) -> Result:
    """Send an order off; gives the number of the parcel."""
    row = world.row("order", order_id)
    if row["status"] != "paid":
        raise RefusedCallError(f"order {order_id} is {row['status']}")
    row["status"] = "shipped"
    parcel = world.add("parcel", "TN", city=row["city"])
    return {"tracking_number": parcel, "status": "shipped"}


def track_parcel(world: World, tracking_number: str) -> Result:
    """Say when a parcel arrives, and where."""
    row = world.row("parcel", tracking_number)
    day = world.number(1, 28, "arrival", tracking_number)
    return {"date": f"2026-11-{day:02}", "city": row["city"]}


def return_order(world: World, order_id: str) -> Result:
    """Return an order for a refund."""
    row = world.row("order", order_id)
    if row["status"] == "returned":
        raise RefusedCallError(f"order {order_id} is returned already")
    row["status"] = "returned"
    return {"refund": row["total"], "status": "returned"}


_make = partial(make, "shop")
TOOLS: Final[tuple[Api, ...]] = (
    _make(
        search_product,
        "look up the product {name}",
        "搜索商品{name}",
        {"name": k.PRODUCT},
        {"product_id": k.PRODUCT_ID, "price": k.PRICE},
    ),
    _make(
        check_stock,
        "check the stock of the product with {product_id}",
        "查询{product_id}对应商品的库存",
        {"product_id": k.PRODUCT_ID},
        {"in_stock": k.STOCK},
    ),
    _make(
        add_to_cart,
        "put the product with {product_id} into the cart, quantity: {quantity}",
        "将{product_id}对应的商品加入购物车，数量为{quantity}",
        {"product_id": k.PRODUCT_ID, "quantity": k.COUNT},
        {"cart_id": k.CART, "price": k.PRICE},
    ),
    _make(
        checkout,
        "order the cart with {cart_id}, with delivery to {city}",
        "结算{cart_id}对应的购物车，送到{city}",
        {"cart_id": k.CART, "city": k.CITY},
        {"order_id": k.ORDER, "price": k.PRICE},
    ),
    _make(
        ship_order,
        "ship the order with {order_id}",
        "将{order_id}对应的订单发货",
        {"order_id": k.ORDER},
        {"tracking_number": k.TRACKING, "status": k.STATUS},
    ),
    _make(
        track_parcel,
        "track the parcel with {tracking_number}",
        "查询{tracking_number}对应的包裹",
        {"tracking_number": k.TRACKING},
        {"date": k.DATE, "city": k.CITY},
    ),
    _make(
        return_order,
        "return the order with {order_id}",
        "将{order_id}对应的订单退货",
        {"order_id": k.ORDER},
        {"refund": k.AMOUNT, "status": k.STATUS},
    ),
)
