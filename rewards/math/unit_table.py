"""The units that are known, with their factors: SI with its prefixes, common others, currencies.

Sources: the SI brochure (BIPM, 9th edition) and NIST Special Publication 811, appendix B; factors
are exact where they are so by definition. A name may mean several units (`pound` is a mass and a
currency): then each is tried.
"""

from dataclasses import dataclass
from fractions import Fraction

Dimension = tuple[tuple[str, int], ...]
"""Base dimensions with their powers, in alphabetical order."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A dimension and how an amount becomes one of the base units: `amount * factor + offset`."""

    dimension: Dimension
    factor: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)


def dimension_of(text: str) -> Dimension:
    """`mass length^2 time^-2` as a dimension."""
    powers = (part.partition("^") for part in text.split())
    return tuple(sorted((name, int(power or 1)) for name, _, power in powers))


# Symbols that take the SI's prefixes, then words that do, then names that stand alone.
_PREFIXED = {
    "length": ("m", "meter metre", "1"),
    "mass": ("g", "gram gramme", "1/1000"),
    "time": ("s", "second", "1"),
    "current": ("A", "ampere amp", "1"),
    "temperature": ("K", "kelvin", "1"),
    "amount": ("mol", "mole", "1"),
    "length^3": ("L l", "liter litre", "1/1000"),
    "time^-1": ("Hz", "hertz becquerel", "1"),
    "mass length time^-2": ("N", "newton", "1"),
    "mass length^-1 time^-2": ("Pa", "pascal", "1"),
    "mass length^2 time^-2": ("J", "joule", "1"),
    "mass length^2 time^-3": ("W", "watt", "1"),
    "current time": ("C", "coulomb", "1"),
    "mass length^2 time^-3 current^-1": ("V", "volt", "1"),
    "mass^-1 length^-2 time^4 current^2": ("F", "farad", "1"),
    "mass length^2 time^-3 current^-2": ("Ω ohm", "ohm", "1"),
    "mass time^-2 current^-1": ("T", "tesla", "1"),
    "mass length^2 time^-2 current^-1": ("Wb", "weber", "1"),
    "mass length^2 time^-2 current^-2": ("H", "henry", "1"),
    "data": ("bit b", "bit", "1"),
    "amount length^-3": ("M", "molar", "1000"),
}
_PREFIXED_TOO = {
    "mass length^2 time^-2": (
        ("eV", "electronvolt", "1602176634/10000000000000000000000000000"),
        ("cal", "calorie", "4184/1000"),
        ("Wh", "", "3600"),
        ("Nm", "", "1"),
    ),
    "mass length^-1 time^-2": (("bar", "bar", "100000"),),
    "current time": (("Ah", "", "3600"),),
    "data": (("B", "byte", "8"),),
}
_SYMBOL_PREFIXES = {"f": -15, "p": -12, "n": -9, "µ": -6, "μ": -6, "u": -6, "m": -3, "c": -2,
                    "d": -1, "da": 1, "h": 2, "k": 3, "M": 6, "G": 9, "T": 12}  # fmt: skip
_WORD_PREFIXES = {"femto": -15, "pico": -12, "nano": -9, "micro": -6, "milli": -3, "centi": -2,
                  "deci": -1, "deca": 1, "hecto": 2, "kilo": 3, "mega": 6, "giga": 9,
                  "tera": 12}  # fmt: skip
_NAMED = {
    "length": {
        "1": "metro metri м метр метра метров 米 公尺",
        "1/100": "centimetro centimetri см сантиметр сантиметра сантиметров 厘米 公分",
        "1/1000": "millimetro millimetri мм миллиметр миллиметров 毫米",
        "1/10": "дм дециметр дециметров 分米",
        "1000": "chilometro chilometri км километр километра километров 千米 公里",
        "127/5000": "in inch inches pollice pollici дюйм дюймов 英寸",
        "381/1250": "ft foot feet piede piedi фут футов 英尺",
        "1143/1250": "yd yard iarda iarde ярд ярдов 码", "201168/125": "mi mile miglio miglia миля "
        "мили миль 英里", "1852": "nmi", "1/10000000000": "Å angstrom",
        "149597870700": "au", "9460730472580800": "ly lightyear lightyears", "500": "里",
    },
    "mass": {
        "1": "kilo kilos chilogrammo chilogrammi кг килограмм килограмма килограммов 千克 公斤",
        "1/1000": "grammo grammi г грамм грамма граммов 克", "1/1000000": "мг миллиграмм 毫克",
        "45359237/100000000": "lb lbs pound pounds libbra libbre фунт фунтов 磅",
        "45359237/1600000000": "oz ounce oncia once унция 盎司", "1000": "t tonne tonnes ton tons "
        "tonnellata tonnellate тонна тонны тонн 吨", "1/2": "斤", "100": "quintal quintale центнер",
        "45359237/50000": "ton tons", "317514659/50000000": "stone", "1/5000": "carat carats",
    },
    "time": {
        "1": "sec secs secondo secondi с сек секунда секунды секунд 秒", "60": "min mins minute "
        "minuto minuti мин минута минуты минут 分钟 分", "3600": "h hr hrs hour ora ore ч час часа "
        "часов 小时 时", "86400": "day d giorno giorni день дня дней сутки суток 天 日",
        "604800": "week wk settimana settimane неделя недели недель 周 星期",
        "1209600": "fortnight",
    },
    "month": {"1": "month mo mese mesi месяц месяца месяцев 个月 月",
              "12": "year yr yrs anno anni год года лет 年", "120": "decade decades десятилетие",
              "1200": "century centuries secolo secoli век века веков 世纪"},
    "length^2": {
        "316160658/78125": "acre acro acri акр акров 英亩", "10000": "ha hectare ettaro ettari га "
        "гектар гектара гектаров 公顷", "100": "ares", "2000/3": "亩",
    },
    "length^3": {
        "1/1000": "litro litri л литр литра литров 升", "1/1000000": "cc ccm мл миллилитр "
        "миллилитров 毫升", "473176473/125000000000": "gal gallon gallone galloni галлон 加仑",
        "473176473/500000000000": "qt quart", "473176473/1000000000000": "pt pint пинта",
        "473176473/2000000000000": "cup cups", "473176473/16000000000000": "floz",
        "473176473/32000000000000": "tbsp tablespoon", "157725491/32000000000000": "tsp teaspoon",
        "9936705933/62500000000": "bbl",
    },
    "length time^-1": {"1397/3125": "mph", "5/18": "kmh kph kmph", "463/900": "kn knot"},
    "mass length time^-2": {"8896443230521/2000000000000": "lbf", "980665/100000": "kgf",
                            "1/100000": "dyn dyne", "1": "ньютон ньютона ньютонов Н 牛 牛顿",
                            "1000": "千牛 千牛顿"},
    "mass length^-1 time^-2": {"101325": "atm atmosphere", "101325/760": "torr Torr mmHg",
                               "8896443230521/1290320000": "psi", "1": "паскаль Па 帕 帕斯卡",
                               "100": "百帕", "1000": "千帕", "1000000": "兆帕"},
    "mass length^2 time^-2": {"1/10000000": "erg", "105505585262/100000000": "BTU Btu btu",
                              "1": "джоуль джоулей Дж 焦 焦耳", "1000": "千焦 千焦耳",
                              "4184": "Cal ккал 千卡 大卡"},
    "mass length^2 time^-3": {"37284993579113511/50000000000000": "hp horsepower",
                              "1": "ватт Вт 瓦 瓦特", "1000": "кВт киловатт 千瓦",
                              "1000000": "兆瓦"},
    "mass length^2 time^-3 current^-1": {"1": "伏特", "1000": "千伏"},
    "mass length^2 time^-3 current^-2": {"1": "欧姆", "1000": "千欧", "1000000": "兆欧"},
    "time^-1": {"1/60": "rpm", "1": "Bq Гц герц 赫兹", "1000": "千赫 千赫兹",
                "1000000": "兆赫 兆赫兹"},
    "angle": {"1": "deg degree grado gradi градус градуса градусов 度", "1/60": "arcmin arcminute",
              "1/3600": "arcsec arcsecond", "360": "revolution revolutions rev"},
    "radian": {"1": "rad radian radiante radianti радиан 弧度", "1/1000": "mrad"},
    "solid": {"1": "sr steradian"},
    "share": {"1/100": "% percent pct percentage percento процент процента процентов 百分点",
              "1/1000": "‰ permille permil", "1/10000": "bp bps", "1/1000000": "ppm",
              "1/1000000000": "ppb"},
    "data": {"8": "字节", "8192": "KB KiB kib 千字节", "8388608": "MiB MB 兆字节",
             "8589934592": "GiB GB",
             "8796093022208": "TiB TB"},
    "luminous": {"1": "cd candela lm lumen"},
    "illuminance": {"1": "lx lux"},
    "decibel": {"1": "dB decibel"},
    "USD": {"1": "$ dollar dollars usd USD buck bucks dollaro dollari доллар доллара долларов 美元",
            "1/100": "¢ cent cents penny pennies центов цент цента centesimo centesimi 美分"},
    "EUR": {"1": "€ euro euros eur EUR евро 欧元", "1/100": "cent cents eurocent eurocents "
            "centesimo centesimi"},
    "GBP": {"1": "£ pound pounds gbp GBP sterling quid sterlina sterline 英镑",
            "1/100": "pence penny pennies"},
    "JPY": {"1": "¥ yen jpy JPY 日元 円"},
    "CNY": {"1": "¥ yuan cny CNY rmb RMB renminbi юань 元 块 人民币", "1/10": "角", "1/100": "fen"},
    "RUB": {"1": "₽ ruble rubles rouble rub RUB рубль рубля рублей руб р",
            "1/100": "kopeck kopecks копейка копейки копеек коп"},
    "INR": {"1": "₹ rupee rupees inr INR Rs rs", "1/100": "paise paisa"},
    "KRW": {"1": "₩ won"}, "CHF": {"1": "CHF chf franc francs"}, "ILS": {"1": "₪ shekel shekels"},
}  # fmt: skip
_KELVIN = (
    ("degC celsius centigrade цельсия 摄氏度", "1", "27315/100"),
    ("degF fahrenheit 华氏度", "5/9", "45967/180"),
    ("degK", "1", "0"),
)
MONEY = frozenset(("USD", "EUR", "GBP", "JPY", "CNY", "RUB", "INR", "KRW", "CHF", "ILS"))


def _table() -> dict[str, tuple[Unit, ...]]:
    found: dict[str, list[Unit]] = {}

    def add(name: str, dimension: str, factor: Fraction, offset: Fraction = Fraction(0)) -> None:
        unit = Unit(dimension_of(dimension), factor, offset)
        known = found.setdefault(name, [])
        if unit not in known:
            known.append(unit)

    for dimension, by_factor in _NAMED.items():
        for factor, names in by_factor.items():
            for name in names.split():
                add(name, dimension, Fraction(factor))
    for names, factor, offset in _KELVIN:
        for name in names.split():
            add(name, "temperature", Fraction(factor), Fraction(offset))
    rows = list(_PREFIXED.items())
    rows += [(dimension, row) for dimension, more in _PREFIXED_TOO.items() for row in more]
    for dimension, (symbols, words, factor) in rows:
        for prefixes, names in ((_SYMBOL_PREFIXES, symbols), (_WORD_PREFIXES, words)):
            for name in names.split():
                add(name, dimension, Fraction(factor))
                for prefix, power in prefixes.items():
                    if f"{prefix}{name}" not in found:
                        add(f"{prefix}{name}", dimension, Fraction(factor) * Fraction(10) ** power)
    for name in ("B", "b"):  # `5 B` may be bytes or billions
        del found[name]
    return {name: tuple(units) for name, units in found.items()}


UNITS = _table()
