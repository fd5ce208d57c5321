"""The demo's world as data: three invented operators between real towns, in three time zones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from store.layouts import SeatPlan, double_deck, mini, sleeper, two_plus_two

LISBON, MADRID, KOLKATA = "Europe/Lisbon", "Europe/Madrid", "Asia/Kolkata"


@dataclass(frozen=True, slots=True)
class DemoOperator:
    key: str
    name: str
    zone: str
    currency: str


@dataclass(frozen=True, slots=True)
class DemoStop:
    code: str
    name: str
    zone: str
    latitude: float
    longitude: float
    station: str | None = None


@dataclass(frozen=True, slots=True)
class DemoLine:
    """A line and its way back. `stops` are calls with minutes after departure; times are local to where it starts."""

    code: str
    operator: str
    stops: Sequence[tuple[str, int]]
    layout: str
    fare: int
    out: Sequence[str]
    back: Sequence[str]


OPERATORS = (
    DemoOperator("atlantica", "Linha Atlântica", LISBON, "EUR"),
    DemoOperator("meseta", "Meseta Bus", MADRID, "EUR"),
    DemoOperator("deccan", "Deccan Night Lines", KOLKATA, "INR"),
)

LAYOUTS: Mapping[str, Callable[[], SeatPlan]] = {
    "coach": lambda: two_plus_two(44),
    "mini": mini,
    "double-deck": double_deck,
    "sleeper": sleeper,
}

STOPS = (
    DemoStop("lisboa", "Lisboa Sete Rios", LISBON, 38.7414, -9.1664),
    DemoStop("lisboa-1", "Lisboa Sete Rios, cais 1", LISBON, 38.7416, -9.1662, "lisboa"),
    DemoStop("lisboa-2", "Lisboa Sete Rios, cais 2", LISBON, 38.7412, -9.1666, "lisboa"),
    DemoStop("setubal", "Setúbal", LISBON, 38.5244, -8.8926),
    DemoStop("evora", "Évora", LISBON, 38.5717, -7.9135),
    DemoStop("leiria", "Leiria", LISBON, 39.7436, -8.8071),
    DemoStop("coimbra", "Coimbra", LISBON, 40.2109, -8.4377),
    DemoStop("aveiro", "Aveiro", LISBON, 40.6436, -8.6406),
    DemoStop("porto", "Porto Campanhã", LISBON, 41.1488, -8.5855),
    DemoStop("porto-5", "Porto Campanhã, cais 5", LISBON, 41.1490, -8.5853, "porto"),
    DemoStop("porto-6", "Porto Campanhã, cais 6", LISBON, 41.1486, -8.5857, "porto"),
    DemoStop("braga", "Braga", LISBON, 41.5503, -8.4270),
    DemoStop("guimaraes", "Guimarães", LISBON, 41.4425, -8.2918),
    DemoStop("albufeira", "Albufeira", LISBON, 37.0891, -8.2479),
    DemoStop("faro", "Faro", LISBON, 37.0194, -7.9322),
    DemoStop("badajoz", "Badajoz", MADRID, 38.8794, -6.9707),
    DemoStop("merida", "Mérida", MADRID, 38.9160, -6.3437),
    DemoStop("trujillo", "Trujillo", MADRID, 39.4600, -5.8800),
    DemoStop("talavera", "Talavera de la Reina", MADRID, 39.9635, -4.8308),
    DemoStop("madrid", "Madrid Estación Sur", MADRID, 40.3950, -3.6780),
    DemoStop("madrid-10", "Madrid Estación Sur, dársena 10", MADRID, 40.3952, -3.6778, "madrid"),
    DemoStop("madrid-11", "Madrid Estación Sur, dársena 11", MADRID, 40.3948, -3.6782, "madrid"),
    DemoStop("toledo", "Toledo", MADRID, 39.8628, -4.0273),
    DemoStop("cordoba", "Córdoba", MADRID, 37.8882, -4.7794),
    DemoStop("sevilla", "Sevilla Plaza de Armas", MADRID, 37.3914, -6.0036),
    DemoStop("granada", "Granada", MADRID, 37.1773, -3.5986),
    DemoStop("malaga", "Málaga", MADRID, 36.7213, -4.4214),
    DemoStop("zaragoza", "Zaragoza Delicias", MADRID, 41.6583, -0.9113),
    DemoStop("lleida", "Lleida", MADRID, 41.6176, 0.6200),
    DemoStop("barcelona", "Barcelona Nord", MADRID, 41.3945, 2.1827),
    DemoStop("bengaluru", "Bengaluru Majestic", KOLKATA, 12.9767, 77.5713),
    DemoStop(
        "bengaluru-2", "Bengaluru Majestic, platform 2", KOLKATA, 12.9769, 77.5711, "bengaluru"
    ),
    DemoStop(
        "bengaluru-7", "Bengaluru Majestic, platform 7", KOLKATA, 12.9765, 77.5715, "bengaluru"
    ),
    DemoStop("mysuru", "Mysuru", KOLKATA, 12.2958, 76.6394),
    DemoStop("tumakuru", "Tumakuru", KOLKATA, 13.3409, 77.1010),
    DemoStop("davanagere", "Davanagere", KOLKATA, 14.4644, 75.9218),
    DemoStop("hubballi", "Hubballi", KOLKATA, 15.3647, 75.1240),
    DemoStop("belagavi", "Belagavi", KOLKATA, 15.8497, 74.4977),
    DemoStop("pune", "Pune Swargate", KOLKATA, 18.5018, 73.8636),
    DemoStop("anantapur", "Anantapur", KOLKATA, 14.6819, 77.6006),
    DemoStop("kurnool", "Kurnool", KOLKATA, 15.8281, 78.0373),
    DemoStop("hyderabad", "Hyderabad", KOLKATA, 17.3789, 78.4812),
)

LINES = (
    DemoLine(
        "A1",
        "atlantica",
        (("lisboa-1", 0), ("leiria", 95), ("coimbra", 150), ("aveiro", 195), ("porto-5", 245)),
        "coach",
        1900,
        ("07:00", "10:00", "13:00", "16:00", "19:00", "23:15"),
        ("06:30", "09:30", "12:30", "15:30", "18:30", "23:00"),
    ),
    DemoLine(
        "A2",
        "atlantica",
        (("porto-6", 0), ("braga", 55), ("guimaraes", 85)),
        "mini",
        790,
        ("08:15", "12:45", "18:05"),
        ("06:50", "11:10", "16:40"),
    ),
    DemoLine(
        "A3",
        "atlantica",
        (("lisboa-2", 0), ("setubal", 45), ("albufeira", 170), ("faro", 210)),
        "coach",
        2150,
        ("07:30", "11:30", "15:30", "19:30"),
        ("06:45", "10:45", "14:45", "18:45"),
    ),
    DemoLine(
        "A4",
        "atlantica",
        (
            *(("lisboa-1", 0), ("evora", 95), ("badajoz", 175), ("merida", 225)),
            *(("trujillo", 290), ("talavera", 375), ("madrid-10", 460)),
        ),
        "double-deck",
        4490,
        ("08:00", "14:00", "21:30"),
        ("08:30", "15:00", "22:00"),
    ),
    DemoLine(
        "M1",
        "meseta",
        (("madrid-11", 0), ("toledo", 60), ("cordoba", 265), ("sevilla", 375)),
        "coach",
        2890,
        ("07:00", "10:30", "15:00", "23:30"),
        ("07:15", "11:00", "15:45", "23:45"),
    ),
    DemoLine(
        "M2",
        "meseta",
        (("madrid-11", 0), ("granada", 290), ("malaga", 385)),
        "double-deck",
        3190,
        ("08:00", "13:30", "22:45"),
        ("08:30", "14:30", "23:00"),
    ),
    DemoLine(
        "M3",
        "meseta",
        (("madrid-10", 0), ("zaragoza", 225), ("lleida", 325), ("barcelona", 460)),
        "double-deck",
        3690,
        ("07:30", "12:00", "16:30", "22:30"),
        ("07:00", "11:30", "16:00", "22:15"),
    ),
    DemoLine(
        "M4",
        "meseta",
        (("malaga", 0), ("granada", 100)),
        "mini",
        1290,
        ("09:00", "13:00", "18:30"),
        ("07:00", "11:00", "16:30"),
    ),
    DemoLine(
        "D1",
        "deccan",
        (("bengaluru-2", 0), ("anantapur", 230), ("kurnool", 370), ("hyderabad", 590)),
        "sleeper",
        145_000,
        ("20:30", "21:30", "22:30"),
        ("20:00", "21:15", "22:45"),
    ),
    DemoLine(
        "D2",
        "deccan",
        (
            *(("bengaluru-7", 0), ("tumakuru", 85), ("davanagere", 285)),
            *(("hubballi", 430), ("belagavi", 530), ("pune", 850)),
        ),
        "sleeper",
        168_000,
        ("18:00", "20:00"),
        ("17:30", "19:45"),
    ),
    DemoLine(
        "D3",
        "deccan",
        (("bengaluru-7", 0), ("mysuru", 195)),
        "coach",
        42_000,
        ("06:00", "09:00", "12:00", "15:00", "18:00"),
        ("06:30", "09:30", "12:30", "15:30", "18:30"),
    ),
)

LAST_SEATS = "A1 23:15 out"
"""The bus that is nearly sold out once every two weeks: late enough to be still to come for all of its day."""

RIDERS_BUSES = ("A1 10:00 out", "M3 07:30 out")
"""Buses on which the demo's rider travels once a week."""

FIRST_NAMES = (
    *("Ana", "Tiago", "Inês", "Rui", "Beatriz", "Diogo", "Marta", "João", "Lucía", "Javier"),
    *("Carmen", "Pablo", "Nuria", "Álvaro", "Pilar", "Iker", "Asha", "Rohan", "Meera", "Arjun"),
    *("Kavya", "Imran", "Priya", "Suresh", "Noor", "Yusuf", "Mei", "Oluwaseun", "Zofia", "Søren"),
)
LAST_NAMES = (
    *("Almeida", "Carvalho", "Figueiredo", "Moreira", "Nogueira", "Pacheco", "Teixeira", "Vaz"),
    *("Aguirre", "Castaño", "Domínguez", "Ibáñez", "Márquez", "Ortega", "Peña", "Quintana"),
    *("Desai", "Gowda", "Hegde", "Kulkarni", "Naik", "Rao", "Shetty", "Verma"),
    *("Haddad", "Lindqvist", "Nowak", "Okafor", "Tanaka", "Çelik"),
)
