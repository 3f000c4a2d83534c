"""Kinds of values that the simulated tools share, so that the result of one feeds another."""

from typing import Any, Final

from data.toolgraph.api import Kind


def _text(name: str, en: str, zh: str, *values: str, chinese: tuple[str, ...] = ()) -> Kind:
    said = {"en": values, **({"zh": chinese} if chinese else {})}
    return Kind(name, {"type": "string"}, {"en": en, "zh": zh}, said if values else {})


def _whole(name: str, en: str, zh: str, *values: int) -> Kind:
    return Kind(name, {"type": "integer"}, {"en": en, "zh": zh}, {"en": values} if values else {})


def _choice(name: str, en: str, zh: str, *values: str) -> Kind:
    schema: dict[str, Any] = {"type": "string", "enum": list(values)}
    return Kind(name, schema, {"en": en, "zh": zh}, {"en": values})


_DAYS: Final = tuple(
    f"2026-{month:02}-{day:02}" for month in range(1, 13) for day in (3, 9, 14, 21, 27)
)

CITY: Final = _text(
    *("city", "city", "城市", "Paris", "Rome", "Oslo", "Lisbon", "Vienna", "Madrid", "Athens"),
    *("Dublin", "Prague", "Warsaw", "Helsinki", "Cairo", "Lima", "Quito", "Osaka", "Sydney"),
    chinese=(
        *("北京", "上海", "广州", "深圳", "成都", "杭州", "南京", "武汉", "西安", "重庆", "天津"),
        *("苏州", "青岛", "厦门", "昆明", "大连"),
    ),
)
DATE: Final = Kind(
    "date",
    {"type": "string", "format": "date", "description": "date, as YYYY-MM-DD"},
    {"en": "date", "zh": "日期"},
    {"en": _DAYS},
)
TIME: Final = _text(
    *("time", "time of day", "时间", "08:15", "09:30", "10:45", "12:00", "13:20", "15:05"),
    *("16:40", "18:30", "19:45", "21:10"),
)
PERSON: Final = _text(
    *("person", "person's name", "姓名", "Ana", "Ben", "Carla", "Dmitri", "Elif", "Farid"),
    *("Grace", "Hugo", "Ines", "Jonas", "Kavya", "Liam", "Maya", "Noor"),
    chinese=("小明", "小红", "小刚", "小丽", "小华", "小军", "小芳", "小强", "小燕", "小龙"),
)
COUNT: Final = _whole("count", "number", "数量", *range(1, 13))
NIGHTS: Final = _whole("nights", "number of nights", "晚数", *range(1, 15))
MINUTES: Final = _whole("minutes", "minutes", "分钟数", *range(5, 125, 5))
AMOUNT: Final = _whole("amount", "amount of money", "金额", *range(20, 2000, 35))
CURRENCY: Final = _choice(
    *("currency", "currency code", "货币代码", "USD", "EUR", "CNY", "JPY", "GBP", "CHF"),
)
PRICE: Final = _whole("price", "price", "价格")
TITLE: Final = _text(
    *("title", "title", "标题", "Budget review", "Design sync", "Hiring plan", "Sales call"),
    *("Release check", "Team lunch", "Road map", "Security audit", "Press briefing"),
    chinese=("预算评审", "设计讨论", "招聘计划", "销售会议", "发布检查", "团队午餐", "安全审计"),
)
PRODUCT: Final = _text(
    *("product", "product", "商品", "desk lamp", "water bottle", "backpack", "keyboard", "kettle"),
    *("notebook", "headphones", "umbrella", "running shoes", "phone case", "coffee grinder"),
    chinese=("台灯", "水杯", "背包", "键盘", "水壶", "笔记本", "耳机", "雨伞", "跑鞋", "手机壳"),
)
ROOM: Final = _choice(
    *("room", "room of the house", "房间", "kitchen", "bedroom", "study", "hallway", "bathroom"),
)
LEVEL: Final = _whole("level", "level", "亮度", *range(5, 101, 5))
DEGREES: Final = _whole("degrees", "degrees Celsius", "温度", *range(16, 29))
CUISINE: Final = _choice(
    *("cuisine", "cuisine", "菜系", "italian", "chinese", "indian", "mexican", "thai", "greek"),
)

FLIGHT: Final = _text("flight_id", "flight id", "航班编号")
HOTEL: Final = _text("hotel_id", "hotel id", "酒店编号")
BOOKING: Final = _text("booking_id", "booking id", "预订编号")
PRODUCT_ID: Final = _text("product_id", "product id", "商品编号")
CART: Final = _text("cart_id", "cart id", "购物车编号")
ORDER: Final = _text("order_id", "order id", "订单编号")
TRACKING: Final = _text("tracking_number", "tracking number", "快递单号")
EMAIL: Final = _text("email", "email address", "邮箱地址")
EVENT: Final = _text("event_id", "event id", "日程编号")
DOCUMENT: Final = _text("document_id", "document id", "文档编号")
ACCOUNT: Final = _text("account_id", "account id", "账户编号")
TRANSFER: Final = _text("transfer_id", "transfer id", "转账编号")
STATION: Final = _text("station_id", "station id", "车站编号")
PLACE: Final = _text("restaurant_id", "restaurant id", "餐厅编号")
DEVICE: Final = _text("device_id", "device id", "设备编号")
PAGES: Final = _whole("pages", "number of pages", "页数")
STOCK: Final = _whole("stock", "pieces in stock", "库存")
GUESTS: Final = _whole("guests", "number of guests", "人数")
STATUS: Final = _text("status", "status", "状态")
CONDITION: Final = _text("weather", "weather", "天气")
TEMPERATURE: Final = _whole("temperature", "temperature measured", "气温")
